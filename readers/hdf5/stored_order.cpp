#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/stored_order_internal.h"

namespace h5flume::hdf5 {
namespace {

bool is_plain(H5T_order_t order) { return order == H5T_ORDER_LE || order == H5T_ORDER_BE; }

// The native number with the file's byte order must be the file's number: then sizes, signs, bit
// fields and padding agree, and libhdf5 too would do nothing but reverse bytes.
std::optional<std::size_t> number_width(const H5::DataType& file_type, const H5::DataType& native) {
  const H5T_order_t stored = H5Tget_order(file_type.getId());
  if (!is_plain(stored) || !is_plain(H5Tget_order(native.getId()))) return std::nullopt;
  const Identifier turned(H5Tcopy(native.getId()), "H5Tcopy");
  checked(H5Tset_order(turned.get(), stored), "H5Tset_order");
  if (checked(H5Tequal(turned.get(), file_type.getId()), "H5Tequal") == 0) return std::nullopt;
  switch (const std::size_t size = file_type.getSize()) {
    case 2:
    case 4:
    case 8:
    case 16:
      return size;
    default:
      return std::nullopt;
  }
}

std::optional<std::size_t> width(const H5::DataType& file_type, const H5::DataType& memory_type) {
  if (file_type.getSize() != memory_type.getSize()) return std::nullopt;
  switch (file_type.getClass()) {
    case H5T_INTEGER:
    case H5T_FLOAT:
    case H5T_BITFIELD:
      return number_width(file_type, memory_type);
    case H5T_ENUM:  // of the other byte order: delivered as its integer, see enum_type()
      return number_width(file_type.getSuper(), memory_type);
    case H5T_ARRAY:
      return width(file_type.getSuper(), memory_type.getSuper());
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::size_t> swap_width(const H5::DataType& file_type, const MemoryType& memory) {
  if (memory.as_stored) return 0;
  return width(file_type, memory.type);
}

}  // namespace h5flume::hdf5
