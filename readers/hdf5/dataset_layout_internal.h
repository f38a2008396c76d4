#pragma once

#include <H5Cpp.h>

#include <cstdint>

#include "readers/hdf5/dataset_info.h"

namespace h5flume::hdf5 {

/// Fills the layout, chunk shape and filters of `info` from a dataset's creation list.
///
/// Gives the reason why libhdf5 cannot decode the chunks, for the first filter that is not
/// installed; empty: it can. Throws Error, a cause only. The caller holds a LibraryAccess.
std::string describe_storage(const H5::DSetCreatPropList& creation, DatasetInfo& info);

/// Sets the chunk cache of libhdf5 for reads of whole rows of `info`, whose elements take
/// `stored_element_bytes` in a decoded chunk.
///
/// Chunks without filters need no cache: libhdf5 then reads them straight into the caller's buffer.
/// Of filtered chunks a row of chunks is kept, because libhdf5 decodes a chunk that does not fit
/// again for every read; reads of whole chunks would need none, but are no faster without.
void set_chunk_cache(const H5::DSetAccPropList& access, const DatasetInfo& info,
                     std::uint64_t stored_element_bytes);

}  // namespace h5flume::hdf5
