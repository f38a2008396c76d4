#include "readers/hdf5/storage_map.h"

#include <fmt/format.h>

#include "core/error.h"
#include "readers/hdf5/chunk_index_internal.h"
#include "readers/hdf5/storage_map_internal.h"
#include "readers/hdf5/stored_order_internal.h"

namespace h5flume::hdf5 {
namespace {

// Beyond this an element is no unit to fill gaps with: a file may declare one of 4 GiB.
constexpr std::size_t kLargestElement = std::size_t{64} << 20;

std::string reason_of_layout(const OpenedDataset& opened) {
  switch (opened.info.layout) {
    case Layout::kChunked:
    case Layout::kContiguous:
      break;
    case Layout::kExternal:
      return "its values lie in external raw files";
    case Layout::kCompact:
    case Layout::kVirtual:
      return fmt::format("its layout is {}", to_string(opened.info.layout));
  }
  return opened.in_opened_file ? "" : "an external link leads to it, into another file";
}

std::string reason_of_type(const OpenedDataset& opened, StorageMap& map) {
  if (opened.memory.element.is_variable_length()) return "its elements are of variable length";
  if (opened.has_chosen_fields) return "fields of its elements are chosen";
  const H5::DataType file_type = opened.dataset.getDataType();
  const std::optional<std::size_t> swap = swap_width(file_type, opened.memory);
  if (!swap) return "its elements are converted while they are read";
  if (opened.memory.element.size > kLargestElement) return "its elements are larger than 64 MiB";
  map.swap_bytes = *swap;
  map.element_bytes = opened.memory.element.size;
  map.text = opened.memory.text;
  return "";
}

std::vector<std::byte> fill_element(const OpenedDataset& opened,
                                    const H5::DSetCreatPropList& creation) {
  std::vector<std::byte> fill(opened.memory.element.size);
  if (opened.zero_gaps) return fill;
  checked(H5Pget_fill_value(creation.getId(), opened.memory.type.getId(), fill.data()),
          "H5Pget_fill_value");
  finish_text(opened.memory, fill);
  return fill;
}

// libhdf5 says 0 for "nothing is allocated" and for "the index cannot be read".
std::uint64_t stored_bytes(LibraryAccess& access, const OpenedDataset& opened) {
  if (opened.info.stored_bytes > 0) return opened.info.stored_bytes;
  access.forget_failure();
  const hsize_t size = H5Dget_storage_size(opened.dataset.getId());
  if (size == 0 && !access.last_failure().empty()) {
    throw H5::Exception("H5Dget_storage_size", "failed");
  }
  return size;
}

// Whether contiguous data has an address. For data that has none, some releases add the size of the
// user block to the address that stands for it, which is 2^64 - 1.
bool has_address(const OpenedDataset& opened) {
  const H5::H5File file(H5Iget_file_id(opened.dataset.getId()));
  const haddr_t address = H5Dget_offset(opened.dataset.getId());
  return address != HADDR_UNDEF && address + 1 != file.getCreatePlist().getUserblock();
}

std::uint64_t contiguous_address(LibraryAccess& access, const OpenedDataset& opened) {
  const std::uint64_t bytes = opened.info.decoded_bytes();
  if (bytes == 0) return kMissing;
  const std::uint64_t stored = stored_bytes(access, opened);
  if (stored == 0 && !has_address(opened)) return kMissing;
  if (stored < bytes) {
    throw Error(ErrorCode::kCorruptData, fmt::format("{} bytes are stored of {}", stored, bytes));
  }
  const haddr_t address = H5Dget_offset(opened.dataset.getId());
  if (address == HADDR_UNDEF) throw H5::Exception("H5Dget_offset", "failed");
  if (!lies_inside(address, bytes, opened.file_bytes)) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("its {} bytes at {} lie outside the file's {} bytes", bytes, address,
                            opened.file_bytes));
  }
  return address;
}

bool leaves_edges_raw(const H5::DSetCreatPropList& creation) {
  unsigned options = 0;
  checked(H5Pget_chunk_opts(creation.getId(), &options), "H5Pget_chunk_opts");
  return (options & H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) != 0;
}

}  // namespace

StorageMap map_storage(LibraryAccess& access, const OpenedDataset& opened) {
  StorageMap map;
  map.reason_for_hdf5 = reason_of_layout(opened);
  if (map.reason_for_hdf5.empty()) map.reason_for_hdf5 = reason_of_type(opened, map);
  if (!map.reason_for_hdf5.empty()) return map;

  const H5::DSetCreatPropList creation = opened.dataset.getCreatePlist();
  map.fill = fill_element(opened, creation);
  if (opened.info.layout == Layout::kContiguous) {
    map.address = contiguous_address(access, opened);
    return map;
  }
  map.edge_chunks_unfiltered = leaves_edges_raw(creation);
  std::optional<std::vector<std::uint64_t>> grid = chunk_grid(opened.info, opened.file_bytes);
  if (!grid) {
    map.reason_for_hdf5 = "it has too many chunks for its size, or for a table of them";
    return map;
  }
  map.grid = *std::move(grid);
  map.chunks = ChunkTable(chunk_index(access, opened, map.grid));
  return map;
}

}  // namespace h5flume::hdf5
