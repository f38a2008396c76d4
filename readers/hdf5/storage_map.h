#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace h5flume::hdf5 {

/// In place of an address: nothing was ever written there, and readers get the fill value.
constexpr std::uint64_t kMissing = UINT64_MAX;

/// Where one chunk lies in its file. Its size is what the index says, any number but 0: whoever
/// decodes it checks that it fits.
struct StoredChunk {
  std::uint64_t address = kMissing;  ///< of its first byte, from the start of the file; or kMissing
  std::uint64_t size_bytes = 0;      ///< in the file, with its filters applied
  std::uint32_t filter_mask = 0;     ///< bit i: filter i of DatasetInfo::filters was left out

  bool operator==(const StoredChunk&) const = default;
};

/// "chunk (3,0,1)": chunk `number` of a grid, in C order, by its place.
std::string name_of_chunk(std::uint64_t number, const std::vector<std::uint64_t>& grid);

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
  bool pads_text = false;         ///< Dataset::pad_text() has to finish what was read
  std::vector<std::byte> fill;    ///< one element of the fill value, as delivered

  /// Contiguous layout: of the first byte of DatasetInfo::decoded_bytes(), or kMissing.
  std::uint64_t address = kMissing;

  // Chunked layout.
  std::vector<std::uint64_t> grid;      ///< how many chunks lie along each axis
  std::vector<StoredChunk> chunks;      ///< all of the grid, in C order
  bool edge_chunks_unfiltered = false;  ///< chunks that reach over an edge are raw, mask or not
};

}  // namespace h5flume::hdf5
