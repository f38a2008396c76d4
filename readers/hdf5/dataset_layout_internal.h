#pragma once

#include <H5Cpp.h>

#include <cstdint>
#include <vector>

#include "readers/hdf5/dataset_info.h"

namespace h5flume::hdf5 {

/// Fills the layout, chunk shape and filters of `info` from a dataset's creation list.
///
/// Gives the reason why libhdf5 cannot decode the chunks, for the first filter that is not
/// installed; empty: it can. Throws Error, a cause only. The caller holds a LibraryAccess.
std::string describe_storage(const H5::DSetCreatPropList& creation, DatasetInfo& info);

/// Throws kUnsupported for a dataset without rows: a scalar, or one that has no data at all.
std::vector<std::uint64_t> shape_of(const H5::DataSpace& space);

/// Throws kUnsupported for a dataset of 2^64 bytes or more.
void check_size(const DatasetInfo& info);

/// See DatasetInfo::mean_value_bytes_at_most. Variable-length values are never filtered, so that
/// they take no more than the file has.
std::uint64_t mean_value_bytes(const DatasetInfo& info, std::uint64_t file_bytes);

/// Whether libhdf5 leaves the buffer of missing chunks alone: with neither a fill value nor a fill
/// time.
bool leaves_gaps(const H5::DSetCreatPropList& creation);

/// Throws kCorruptData where less is stored of a dataset than its elements of
/// `stored_element_bytes` take: libhdf5 1.10 would make room for one, which may claim 4 GiB. It
/// looks itself at those that are chunked.
void check_stored_size(const DatasetInfo& info, std::uint64_t stored_element_bytes);

/// Sets the chunk cache of libhdf5 for reads of whole rows of `info`, whose elements take
/// `stored_element_bytes` in a decoded chunk.
///
/// Chunks without filters need no cache: libhdf5 then reads them straight into the caller's buffer.
/// Of filtered chunks a row of chunks is kept, because libhdf5 decodes a chunk that does not fit
/// again for every read; reads of whole chunks would need none, but are no faster without.
void set_chunk_cache(const H5::DSetAccPropList& access, const DatasetInfo& info,
                     std::uint64_t stored_element_bytes);

}  // namespace h5flume::hdf5
