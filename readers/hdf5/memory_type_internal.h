#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"

namespace h5flume::hdf5 {

/// The fixed-size strings at one place of an element. HDF5 has three ways of padding them;
/// libhdf5 delivers the bytes as stored, and finish_text() pads them all with NUL.
struct TextRun {
  enum class Padding { kFirstNul, kSpaces };  ///< text ends at a NUL; text ends before spaces
  struct Loop {
    std::size_t count = 0;
    std::size_t stride = 0;
  };

  Padding padding = Padding::kFirstNul;
  std::size_t offset = 0;   ///< of the first string in the element, or in a value of a list
  std::size_t size = 0;     ///< of one string
  std::vector<Loop> loops;  ///< over the arrays that the string is nested in, outermost first
};

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
void finish_text(const MemoryType& type, std::span<std::byte> bytes) noexcept;

}  // namespace h5flume::hdf5
