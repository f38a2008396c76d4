#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "readers/chunks/file_bytes.h"
#include "readers/chunks/filter_pipeline.h"
#include "readers/chunks/row_reader.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::chunks {

/// Reads rows without libhdf5: fetches the stored bytes by address, undoes the filters, and puts
/// the elements where they belong.
///
///   rows -> chunks, by address -> runs of near chunks -> fetch -> decode -> place
///
/// A chunk whose rows are all asked for at once is decoded once, straight into the caller's memory
/// where its rows are whole there. One that reaches beyond the rows asked for is kept until other
/// rows are, so that blocks which follow each other decode it once. At most kLargestCache bytes are
/// kept.
class DirectReader final : public RowReader {
 public:
  /// What all readers of a dataset share: what it is, its map, without a reason_for_hdf5, and the
  /// file. Nothing of it needs libhdf5.
  struct Source {
    hdf5::DatasetInfo info;
    hdf5::StorageMap map;
    std::unique_ptr<ByteSource> bytes;
  };

  /// The dataset's filters must be supported.
  explicit DirectReader(std::shared_ptr<const Source> source);

  const hdf5::DatasetInfo& info() const noexcept override { return info_; }
  const FileIdentity& identity() const noexcept override { return source_->bytes->identity(); }
  const hdf5::StorageMap* storage_map() const noexcept override { return &map_; }
  std::unique_ptr<RowReader> clone() const override {
    return std::make_unique<DirectReader>(source_);
  }
  void read_rows(std::uint64_t first_row, std::uint64_t row_count,
                 std::span<std::byte> out) override;

 private:
  static constexpr std::size_t kLargestCache = 256 << 20;

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
    bool edge = false;      // the chunk reaches beyond the dataset
    bool finished = false;  // no row of the chunk is outside of the target
  };

  void read_contiguous(const Target& target);
  void read_chunks(const Target& target);
  void fetch_run(const Target& target, std::span<const std::uint64_t> run);
  bool fetch_unfiltered_rows(const Target& target, std::uint64_t chunk);
  void place_stored(const Target& target, std::uint64_t chunk, std::span<std::byte> stored);
  void place_decoded(const Target& target, const std::byte* decoded);
  void place_fill(const Target& target);
  void set_part(const Target& target, std::uint64_t chunk);
  std::span<std::byte> whole_part(const Target& target) const;
  bool is_unfiltered(const hdf5::StoredChunk& stored) const noexcept;
  void forget_chunks_outside(std::uint64_t first, std::uint64_t last);
  std::vector<std::byte> take_buffer();

  std::shared_ptr<const Source> source_;
  const hdf5::DatasetInfo& info_;
  const hdf5::StorageMap& map_;
  FilterPipeline filters_;

  std::size_t chunk_bytes_ = 0;
  std::uint64_t layer_chunks_ = 0;  // of the same rows
  bool rows_are_whole_ = false;     // a chunk holds its rows entirely

  Part part_;
  std::vector<std::uint64_t> target_shape_;
  std::vector<std::uint64_t> wanted_;  // chunks to be fetched
  std::vector<std::byte> fetched_;
  std::vector<std::byte> scratch_;
  std::unordered_map<std::uint64_t, std::vector<std::byte>> kept_;  // decoded chunks
  std::vector<std::vector<std::byte>> spare_;
};

}  // namespace h5flume::chunks
