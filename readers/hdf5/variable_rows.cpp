#include <cstring>
#include <span>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/variable_rows_internal.h"

namespace h5flume::hdf5 {
namespace {

std::span<std::byte> characters(char* text) {
  if (text == nullptr) return {};  // as an element that was never written
  return std::as_writable_bytes(std::span(text, std::strlen(text)));
}

std::span<std::byte> values(const hvl_t& list, std::size_t value_bytes) {
  if (list.len == 0) return {};
  std::size_t size_bytes = 0;
  if (list.p == nullptr || __builtin_mul_overflow(list.len, value_bytes, &size_bytes)) {
    throw Error(ErrorCode::kCorruptData, "the length of an element makes no sense");
  }
  return {static_cast<std::byte*>(list.p), size_bytes};
}

}  // namespace

VariableBatch::VariableBatch(const MemoryType& type, std::uint64_t element_count,
                             std::size_t limit_bytes)
    : type_(&type), arena_(limit_bytes), transfer_(arena_.transfer()) {
  if (type_->element.kind == ElementKind::kText) {
    texts_.assign(element_count, nullptr);
  } else {
    lists_.assign(element_count, hvl_t{0, nullptr});
  }
}

void VariableBatch::read(const H5::DataSet& dataset, const H5::DataSpace& memory,
                         const H5::DataSpace& file) {
  void* const out = type_->element.kind == ElementKind::kText ? static_cast<void*>(texts_.data())
                                                              : static_cast<void*>(lists_.data());
  checked(H5Dread(dataset.getId(), type_->type.getId(), memory.getId(), file.getId(),
                  transfer_.getId(), out),
          "H5Dread");
}

void VariableBatch::append_to(ListWriter& out) {
  for (char* const text : texts_) out.append(characters(text));
  for (const hvl_t& list : lists_) {
    const std::span<std::byte> bytes = values(list, type_->element.value_size());
    finish_text(*type_, bytes);
    out.append(bytes);
  }
}

}  // namespace h5flume::hdf5
