#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "readers/chunks/direct_source.h"
#include "readers/chunks/filter_pipeline.h"

namespace h5flume::chunks {

/// Turns single chunks of a dataset into elements as they are delivered.
///
/// Threads: one at a time; every thread makes its own.
class ChunkDecoder {
 public:
  /// The dataset's filters must be supported. Throws kCorruptData if its chunks overflow.
  explicit ChunkDecoder(std::shared_ptr<const DirectSource> source);

  const DirectSource& source() const noexcept { return *source_; }

  /// Decoded bytes of a chunk; 0 of a dataset that has none.
  std::size_t chunk_bytes() const noexcept { return chunk_bytes_; }

  /// Whether a chunk is stored as it is decoded: the dataset has no filters, or they were left out.
  bool is_unfiltered(std::uint64_t chunk) const noexcept { return mask_of(chunk) == kAllFilters; }

  /// Decodes a chunk as it lies in the file, `stored`, into `out`, which has chunk_bytes().
  /// Throws as FilterPipeline::decode() does, naming the chunk.
  void decode(std::uint64_t chunk, std::span<const std::byte> stored, std::span<std::byte> out);

  /// Brings whole elements that are stored without filters into native byte order, and pads text.
  void finish(std::span<std::byte> elements) const noexcept;

 private:
  static constexpr std::uint32_t kAllFilters = ~0U;  // as a mask: none is to be undone

  std::uint32_t mask_of(std::uint64_t chunk) const noexcept;
  bool is_edge(std::uint64_t chunk) const noexcept;

  std::shared_ptr<const DirectSource> source_;
  FilterPipeline filters_;
  std::size_t chunk_bytes_;
};

}  // namespace h5flume::chunks
