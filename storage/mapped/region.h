#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace h5flume::mapped {

/// The bytes that offsets in stored values point into. They may come from anywhere: nothing is
/// handed out that does not lie inside.
///
/// Lifetime: borrows the bytes and the name. Threads: may be used by several at once.
class Region {
 public:
  Region(std::span<const std::byte> bytes, const std::string& name)
      : data_(bytes.data()), size_(bytes.size()), name_(&name) {}

  /// `size` bytes at `offset`. Throws kCorruptData if they reach beyond the end.
  const std::byte* at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > size_ || size > size_ - offset) throw_outside(offset, size);
    return data_ + offset;
  }

  /// `count` values of `bytes_each`.
  const std::byte* array_at(std::uint64_t offset, std::uint64_t count,
                            std::uint64_t bytes_each) const {
    std::uint64_t size = 0;
    if (__builtin_mul_overflow(count, bytes_each, &size)) throw_outside(offset, count);
    return at(offset, size);
  }

  std::uint64_t size() const noexcept { return size_; }
  const std::string& name() const noexcept { return *name_; }

  /// Throws kCorruptData: "read NAME: CAUSE".
  [[noreturn]] void throw_corrupt(const std::string& cause) const;

 private:
  [[noreturn]] void throw_outside(std::uint64_t offset, std::uint64_t size) const;

  const std::byte* data_;
  std::uint64_t size_;
  const std::string* name_;
};

/// A number wherever it lies: files may be mapped at any offset, so nothing is taken as aligned.
template <class T>
T load(const std::byte* from) noexcept {
  static_assert(std::is_arithmetic_v<T>);
  if constexpr (std::is_same_v<T, bool>) {
    return *from != std::byte{0};  // any other byte in a bool would be undefined behaviour
  } else {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
}

template <class T>
void store(std::byte* to, T value) noexcept {
  static_assert(std::is_arithmetic_v<T>);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace h5flume::mapped
