#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"
#include "readers/hdf5/text_run.h"

namespace h5flume::hdf5 {

/// How the elements of a dataset come into memory.
struct MemoryType {
  ElementType element;        ///< what the reader of the bytes sees
  H5::DataType type;          ///< the same, for H5Dread
  bool as_stored = false;     ///< `type` equals the file's: H5Dread converts nothing
  std::vector<TextRun> text;  ///< strings that finish_text() has to pad
};

/// Chooses the memory type for elements of `file_type`: native byte order, the smallest native
/// number that holds every value, compounds as they lie in the file if nothing in them needs
/// a conversion and packed if something does. `fields` as in OpenOptions.
///
/// Throws Error{kUnsupported} naming the type (and the field that has it), kInvalidArgument for
/// fields that do not exist, kCorruptData for types that contradict themselves, and
/// H5::Exception. The caller holds a LibraryAccess.
MemoryType memory_type_of(const H5::DataType& file_type, const std::vector<std::string>& fields);

/// Pads the strings of the elements in `bytes`, or of the values of a list, with NUL, as numpy
/// expects them.
inline void finish_text(const MemoryType& type, std::span<std::byte> bytes) noexcept {
  pad_text(type.text, type.element.value_size(), bytes);
}

}  // namespace h5flume::hdf5
