#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "readers/hdf5/dataset_info.h"

namespace h5flume::chunks {

/// Undoes the filters of a dataset's chunks without libhdf5, so that threads can do it at once.
///
/// Filters stand in the order of writing, as in hdf5::DatasetInfo::filters, and are undone from the
/// last to the first. Any order and any number of repetitions is served:
///
///   1 deflate, 2 shuffle, 3 fletcher32, 4 szip,
///   32000 lzf, 32001 blosc, 32004 lz4, 32008 bitshuffle (with lz4 and zstd), 32015 zstd
///
/// The data is not trusted: whatever a chunk holds, nothing outside of it is read, and no more than
/// a few times chunk_bytes of memory is taken.
///
/// Decompressors and scratch memory are kept from chunk to chunk.
/// Threads: one thread at a time; every thread makes its own.
class FilterPipeline {
 public:
  /// Why `filters` cannot be undone here: "filter 32026 (blosc2) has no decoder here". Nothing if
  /// they can.
  static std::optional<std::string> unsupported(std::span<const hdf5::Filter> filters);

  /// `chunk_bytes`: of one decoded chunk. Throws Error{kUnsupported} with unsupported()'s answer.
  FilterPipeline(std::vector<hdf5::Filter> filters, std::size_t chunk_bytes);
  FilterPipeline(FilterPipeline&&) noexcept;
  FilterPipeline& operator=(FilterPipeline&&) noexcept;
  ~FilterPipeline();

  /// Decodes one chunk as it lies in the file, `stored`, into `out`, which has chunk_bytes and does
  /// not overlap it. Bit i of `filter_mask`: filter i was skipped when the chunk was written.
  ///
  /// Throws Error{kCorruptData} if the chunk does not decode to exactly chunk_bytes. Its message is
  /// only the cause ("gzip: the data ends early"): the caller knows which chunk it was. What `out`
  /// holds then is unspecified. Throws Error{kInvalidArgument} for an `out` of another size and
  /// Error{kOutOfMemory}. After any error the next chunk can be decoded.
  void decode(std::span<const std::byte> stored, std::uint32_t filter_mask,
              std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace h5flume::chunks
