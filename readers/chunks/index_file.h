#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/file_identity.h"
#include "readers/hdf5/dataset_info.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::chunks {

/// A dataset that can be read without libhdf5, and all that it takes: what libhdf5 was needed to
/// find out.
struct IndexedDataset {
  hdf5::DatasetInfo info;              ///< without a hdf5_reason
  FileIdentity identity;               ///< of the file that it was found in
  hdf5::StorageMap map;                ///< without a reason_for_hdf5
  bool allow_outside_sources = false;  ///< as the dataset was opened

  bool operator==(const IndexedDataset&) const = default;
};

/// An IndexedDataset as bytes: the head, then the chunks as they lie in memory. The form is that of
/// docs/index-file.md.
struct IndexBytes {
  std::vector<std::byte> head;
  std::span<const std::byte> chunks;  ///< of the map that was encoded, which has to live as long

  std::size_t size() const noexcept { return head.size() + chunks.size(); }
};

IndexBytes encode_index(const IndexedDataset& indexed);

/// The dataset that `bytes` describe. Its chunks are used where they lie, and keep `owner` alive;
/// `bytes` has to begin at a multiple of 8, and must not change as long as `owner` lives.
///
/// Nothing is taken on trust: what comes back is as consistent as what hdf5::Dataset finds. Throws
/// Error{kCorruptData} naming what is wrong with the bytes.
IndexedDataset decode_index(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

}  // namespace h5flume::chunks
