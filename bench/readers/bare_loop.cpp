#include "bench/readers/bare_loop.h"

#include <atomic>
#include <thread>

#include "core/error.h"
#include "readers/chunks/file_bytes.h"
#include "readers/chunks/filter_pipeline.h"

namespace h5flume::bench {

BareLoop::BareLoop(const std::string& file, const std::string& path) {
  const hdf5::Dataset dataset(file, path, {.allow_missing_filters = true});
  info_ = dataset.info();
  const hdf5::StorageMap map = dataset.storage_map();
  if (!map.reason_for_hdf5.empty()) throw Error(ErrorCode::kUnsupported, map.reason_for_hdf5);
  chunk_bytes_ = info_.type.size;
  for (const std::uint64_t extent : info_.chunk) chunk_bytes_ *= extent;
  const chunks::FileBytes bytes(file, dataset.identity());
  for (const hdf5::StoredChunk& chunk : map.chunks) {
    chunks_.push_back({stored_.size(), chunk.size_bytes, chunk.filter_mask});
    stored_.resize(stored_.size() + chunk.size_bytes);
    bytes.read(chunk.address, {stored_.data() + chunks_.back().offset, chunk.size_bytes});
  }
}

void BareLoop::run(unsigned thread_count, unsigned times, Pass& pass) const {
  std::atomic<std::size_t> next{0};
  const auto decode = [&] {
    chunks::FilterPipeline filters(info_.filters, chunk_bytes_);
    std::vector<std::byte> out(chunk_bytes_);
    for (std::size_t i = next++; i < chunks_.size() * times; i = next++) {
      const Chunk& chunk = chunks_[i % chunks_.size()];
      filters.decode({stored_.data() + chunk.offset, chunk.size_bytes}, chunk.filter_mask, out);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < thread_count; ++i) threads.emplace_back(decode);
  for (std::thread& thread : threads) thread.join();
  pass.add(info_.decoded_bytes() * times);
}

}  // namespace h5flume::bench
