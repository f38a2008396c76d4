#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/type_parts_internal.h"

namespace h5flume::hdf5 {
namespace {

MemoryType text_of_any_length(const H5::DataType& file_type) {
  MemoryType memory;
  memory.element.kind = ElementKind::kText;
  memory.type = file_type;
  return memory;
}

MemoryType list_of_any_length(const H5::DataType& file_type, const TypePlace& place) {
  MemoryType base = whole_type(file_type.getSuper(), place.deeper());
  MemoryType memory;
  memory.element.kind = ElementKind::kList;
  memory.element.base.push_back(std::move(base.element));
  memory.type = Identifier(H5Tvlen_create(base.type.getId()), "H5Tvlen_create").as<H5::DataType>();
  memory.text = std::move(base.text);
  return memory;
}

}  // namespace

bool is_variable_length(const H5::DataType& file_type) {
  return file_type.getClass() == H5T_VLEN ||
         checked(H5Tis_variable_str(file_type.getId()), "H5Tis_variable_str") > 0;
}

MemoryType variable_type(const H5::DataType& file_type, const TypePlace& place) {
  return file_type.getClass() == H5T_VLEN ? list_of_any_length(file_type, place)
                                          : text_of_any_length(file_type);
}

}  // namespace h5flume::hdf5
