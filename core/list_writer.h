#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace h5flume {

/// Lays elements of variable length out in memory: offsets, then values. See
/// docs/variable-length.md.
///
/// What does not fit is counted and not written, so that needed_bytes() tells what would have been
/// enough.
///
/// Lifetime: does not own the memory. Threads: for one at a time.
class ListWriter {
 public:
  /// For `element_count` elements whose values take `value_bytes` each. `memory` is aligned to 8.
  ListWriter(std::span<std::byte> memory, std::uint64_t element_count, std::size_t value_bytes);

  /// Adds the next element. Throws kInvalidArgument for more than were announced, or for a part of
  /// a value.
  void append(std::span<const std::byte> values);

  /// Gives up: the elements that come next have at least `more_bytes`, too many to be looked at.
  void give_up(std::uint64_t more_bytes) noexcept;
  bool given_up() const noexcept { return given_up_; }

  bool fits() const noexcept { return needed_bytes_ <= memory_.size(); }

  /// Bytes of the offsets and of the values so far: what is used of the memory, if they fit.
  std::uint64_t needed_bytes() const noexcept { return needed_bytes_; }

  /// Most bytes of values that memory could take: reading more than that at once is in vain.
  std::size_t capacity_bytes() const noexcept { return memory_.size(); }

  std::uint64_t missing_elements() const noexcept { return element_count_ - elements_; }

 private:
  void add(std::uint64_t bytes) noexcept;

  std::span<std::byte> memory_;
  std::uint64_t element_count_;
  std::size_t value_bytes_;
  std::uint64_t elements_ = 0;
  std::uint64_t needed_bytes_ = 0;  // saturates
  bool given_up_ = false;
};

/// Bytes of the offsets of `element_count` elements; UINT64_MAX if that overflows.
std::uint64_t offset_bytes(std::uint64_t element_count) noexcept;

}  // namespace h5flume
