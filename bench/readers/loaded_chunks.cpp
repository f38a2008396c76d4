#include "bench/readers/loaded_chunks.h"

#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset.h"

namespace h5flume::bench {

std::shared_ptr<const chunks::DirectSource> open_directly(const BenchFile& file) {
  const hdf5::Dataset dataset(file.path, file.dataset, {.allow_missing_filters = true});
  hdf5::StorageMap map = dataset.storage_map();
  if (!map.reason_for_hdf5.empty()) throw Error(ErrorCode::kUnsupported, map.reason_for_hdf5);
  return chunks::open_direct_source({dataset.info(), dataset.identity(), std::move(map)}, false);
}

LoadedChunks::LoadedChunks(std::shared_ptr<const chunks::DirectSource> source,
                           std::vector<std::uint64_t> numbers)
    : decoder_(std::move(source)), numbers_(std::move(numbers)), offsets_{0} {
  for (const std::uint64_t number : numbers_) {
    const hdf5::StoredChunk& chunk = decoder_.source().map.chunks[number];
    stored_.resize(stored_.size() + chunk.size_bytes);
    decoder_.source().bytes->read(chunk.address, std::span(stored_).subspan(offsets_.back()));
    offsets_.push_back(stored_.size());
  }
}

void LoadedChunks::decode(std::size_t at, std::span<std::byte> out) {
  const auto stored =
      std::span<const std::byte>(stored_).subspan(offsets_[at], offsets_[at + 1] - offsets_[at]);
  decoder_.decode(numbers_[at], stored, out);
}

}  // namespace h5flume::bench
