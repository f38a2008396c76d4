#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace h5flume::hdf5 {

/// The fixed-size strings at one place of an element. HDF5 has three ways of padding them;
/// libhdf5 delivers the bytes as stored, and pad_text() pads them all with NUL.
struct TextRun {
  enum class Padding { kFirstNul, kSpaces };  ///< text ends at a NUL; text ends before spaces
  struct Loop {
    std::size_t count = 0;
    std::size_t stride = 0;

    bool operator==(const Loop&) const = default;
  };

  Padding padding = Padding::kFirstNul;
  std::size_t offset = 0;   ///< of the first string in the element
  std::size_t size = 0;     ///< of one string
  std::vector<Loop> loops;  ///< over the arrays that the string is nested in, outermost first

  bool operator==(const TextRun&) const = default;
};

/// Pads the strings of the whole elements in `bytes` with NUL, as numpy expects them.
void pad_text(std::span<const TextRun> text, std::size_t element_bytes,
              std::span<std::byte> bytes) noexcept;

}  // namespace h5flume::hdf5
