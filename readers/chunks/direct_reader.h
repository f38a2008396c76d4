#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "readers/chunks/chunk_cache.h"
#include "readers/chunks/chunk_decoder.h"
#include "readers/chunks/row_reader.h"

namespace h5flume::chunks {

/// Reads rows without libhdf5: fetches the stored bytes by address, undoes the filters, and puts
/// the elements where they belong.
///
///   rows -> chunks, by address -> runs of near chunks -> fetch -> decode -> place
///
/// A chunk whose rows are all asked for at once is decoded straight into the caller's memory where
/// its rows are whole there. One that reaches beyond the rows asked for is kept in a ChunkCache,
/// shared with all clones, until its other rows have been asked for: whoever asks for them, it is
/// decoded once. A reader that has to wait for such a chunk decodes those behind it meanwhile.
class DirectReader final : public RowReader {
 public:
  /// The dataset's filters must be supported. `cache_bytes` is for decoded chunks that are kept,
  /// see hdf5::OpenOptions.
  DirectReader(std::shared_ptr<const DirectSource> source, std::size_t cache_bytes);

  /// Shares the cache with others who read by this source, and finds there what they decoded.
  DirectReader(std::shared_ptr<const DirectSource> source, std::shared_ptr<ChunkCache> cache);

  const hdf5::DatasetInfo& info() const noexcept override { return info_; }
  const FileIdentity& identity() const noexcept override { return source_->bytes->identity(); }
  std::optional<IndexedDataset> index() const override {
    return IndexedDataset{info_, identity(), map_, source_->allow_outside_sources};
  }
  std::unique_ptr<RowReader> clone() const override {
    return std::unique_ptr<DirectReader>(new DirectReader(source_, cache_));
  }
  void read_rows(std::uint64_t first_row, std::uint64_t row_count,
                 std::span<std::byte> out) override;

 private:
  // The rows that are being read, and where they go.
  struct Target {
    std::uint64_t first_row;
    std::uint64_t row_count;
    std::span<std::byte> out;
  };

  // The part of a chunk that belongs to a target. Buffers are members, and used again.
  struct Part {
    std::vector<std::uint64_t> in_chunk;   // where it begins in the chunk
    std::vector<std::uint64_t> in_target;  // where it begins in the target
    std::vector<std::uint64_t> extent;
    bool whole = false;     // the chunk lies in the target without gaps, all of it
    bool finished = false;  // no row of the chunk is outside of the target
  };

  // A chunk to be fetched; with a task, for the cache.
  struct Fetch {
    std::uint64_t chunk;
    std::optional<ChunkCache::DecodingTask> task;
  };

  void read_contiguous(const Target& target);
  void read_chunks(const Target& target);
  std::size_t fetch_next_run(const Target& target, std::size_t begin);
  std::optional<Fetch> begin_fetch(const Target& target, std::uint64_t chunk);
  void fetch(const Target& target, std::span<Fetch> run);
  bool fetch_unfiltered_rows(const Target& target, std::uint64_t chunk);
  void place_awaited(const Target& target, std::uint64_t chunk);
  void decode_ahead(const Target& target, std::uint64_t chunk);
  void place_stored(const Target& target, Fetch& fetched, std::span<const std::byte> stored);
  void place_lease(const Target& target, ChunkCache::Lease lease);
  void place_decoded(const Target& target, const std::byte* decoded);
  void place_fill(const Target& target);
  void set_part(const Target& target, std::uint64_t chunk);
  ChunkCache::Wanted wanted(std::uint64_t chunk) const noexcept;
  std::span<std::byte> whole_part(const Target& target) const;

  std::shared_ptr<const DirectSource> source_;
  const hdf5::DatasetInfo& info_;
  const hdf5::StorageMap& map_;
  ChunkDecoder decoder_;

  std::uint64_t layer_chunks_ = 0;  // of the same rows
  bool rows_are_whole_ = false;     // a chunk holds its rows entirely

  Part part_;
  std::vector<std::uint64_t> target_shape_;
  ChunkCache::Range needed_{};          // the chunks of the rows that are being read
  std::vector<std::uint64_t> wanted_;   // of these, those to be fetched
  std::vector<std::uint64_t> awaited_;  // and those that somebody else decodes
  std::vector<std::byte> fetched_;
  std::vector<std::byte> scratch_;
  std::shared_ptr<ChunkCache> cache_;
};

}  // namespace h5flume::chunks
