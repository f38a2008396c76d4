#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bench/readers/bench_files.h"
#include "readers/chunks/chunk_decoder.h"

namespace h5flume::bench {

/// Opens a dataset of a file that can be trusted, for reading it without libhdf5.
/// Throws Error if that is not possible.
std::shared_ptr<const chunks::DirectSource> open_directly(const BenchFile& file);

/// Some chunks of a dataset, as they are stored, in memory; and what decodes them.
///
/// Threads: one at a time.
class LoadedChunks {
 public:
  LoadedChunks(std::shared_ptr<const chunks::DirectSource> source,
               std::vector<std::uint64_t> numbers);

  std::size_t size() const noexcept { return numbers_.size(); }
  std::size_t chunk_bytes() const noexcept { return decoder_.chunk_bytes(); }

  /// Decodes the chunk that was number `at` of `numbers` into `out`, of chunk_bytes().
  void decode(std::size_t at, std::span<std::byte> out);

 private:
  chunks::ChunkDecoder decoder_;
  std::vector<std::uint64_t> numbers_;
  std::vector<std::size_t> offsets_;  // in stored_; one more than there are chunks
  std::vector<std::byte> stored_;
};

}  // namespace h5flume::bench
