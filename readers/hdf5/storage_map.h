#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "readers/hdf5/text_run.h"

namespace h5flume::hdf5 {

/// In place of an address: nothing was ever written there, and readers get the fill value.
constexpr std::uint64_t kMissing = UINT64_MAX;

/// Where one chunk lies in its file. Its size is what the index says, any number but 0: whoever
/// decodes it checks that it fits.
struct StoredChunk {
  std::uint64_t address = kMissing;  ///< of its first byte, from the start of the file; or kMissing
  std::uint64_t size_bytes = 0;      ///< in the file, with its filters applied
  std::uint32_t filter_mask = 0;     ///< bit i: filter i of DatasetInfo::filters was left out
  std::uint32_t reserved = 0;        ///< always 0; what would be padding in an index file

  bool operator==(const StoredChunk&) const = default;
};

/// "chunk (3,0,1)": chunk `number` of a grid, in C order, by its place.
std::string name_of_chunk(std::uint64_t number, const std::vector<std::uint64_t>& grid);

/// All chunks of a grid, in C order: read only, and cheap to copy, because copies share them.
///
/// Lifetime: keeps alive what it looks at. Threads: as a value.
class ChunkTable {
 public:
  ChunkTable() = default;

  /// Owns the chunks.
  explicit ChunkTable(std::vector<StoredChunk> chunks)
      : ChunkTable(std::make_shared<const std::vector<StoredChunk>>(std::move(chunks))) {}

  /// Looks at chunks that lie elsewhere, for instance in a mapped file, for as long as `owner` is.
  ChunkTable(std::span<const StoredChunk> chunks, std::shared_ptr<const void> owner) noexcept
      : chunks_(chunks), owner_(std::move(owner)) {}

  std::size_t size() const noexcept { return chunks_.size(); }
  bool empty() const noexcept { return chunks_.empty(); }
  const StoredChunk& operator[](std::size_t number) const noexcept { return chunks_[number]; }
  const StoredChunk* begin() const noexcept { return chunks_.data(); }
  const StoredChunk* end() const noexcept { return chunks_.data() + chunks_.size(); }
  std::span<const StoredChunk> span() const noexcept { return chunks_; }

  bool operator==(const ChunkTable& other) const noexcept {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  explicit ChunkTable(std::shared_ptr<const std::vector<StoredChunk>> chunks) noexcept
      : chunks_(*chunks), owner_(std::move(chunks)) {}

  std::span<const StoredChunk> chunks_;
  std::shared_ptr<const void> owner_;
};

/// Where a dataset's values lie in its file and what has to be done to them, so that they can be
/// read without libhdf5. Made by Dataset::storage_map().
///
/// It says nothing of the filters' merits: they are listed in DatasetInfo::filters, and whether
/// they can be undone is for whoever decodes. Addresses count from the first byte of the file, a
/// user block included. Every range lies inside the file as it was when the map was made.
///
/// Threads: a value; copy it freely.
struct StorageMap {
  /// Why only libhdf5 can read the dataset, in words that continue "because": "its layout is
  /// compact". Empty: it can be read directly. If not, nothing below is meaningful.
  std::string reason_for_hdf5;

  std::size_t element_bytes = 0;  ///< of an element, stored and delivered alike
  std::size_t swap_bytes = 0;     ///< 0: as stored; else the width of the units to be reversed
  std::vector<TextRun> text;      ///< what pad_text() has to finish in elements that were read
  std::vector<std::byte> fill;    ///< one element of the fill value, as delivered

  /// Contiguous layout: of the first byte of DatasetInfo::decoded_bytes(), or kMissing.
  std::uint64_t address = kMissing;

  // Chunked layout.
  std::vector<std::uint64_t> grid;      ///< how many chunks lie along each axis
  ChunkTable chunks;                    ///< all of the grid
  bool edge_chunks_unfiltered = false;  ///< chunks that reach over an edge are raw, mask or not

  bool operator==(const StorageMap&) const = default;
};

}  // namespace h5flume::hdf5
