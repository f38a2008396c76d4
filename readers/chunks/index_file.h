#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/file_identity.h"
#include "readers/hdf5/dataset_info.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::mapped {
class Destination;
}

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

/// Writes an IndexedDataset as a mapped container, in the form of docs/index-file.md. Throws as the
/// destination does.
void write_index(const IndexedDataset& indexed, std::unique_ptr<mapped::Destination> destination);

/// The dataset that `bytes` describe. Its chunks are used where they lie, and keep `owner` alive;
/// `bytes` has to begin at a multiple of 8, and must not change as long as `owner` lives.
///
/// Nothing is taken on trust: what comes back is as consistent as what hdf5::Dataset finds. Throws
/// Error{kCorruptData} naming what is wrong with the bytes.
IndexedDataset decode_index(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

}  // namespace h5flume::chunks
