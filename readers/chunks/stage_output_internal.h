#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace h5flume::chunks {

/// Throws Error{kCorruptData}; the message is `cause`.
[[noreturn]] void corrupt(const std::string& cause);

/// Memory that is kept, and only ever grows.
class Scratch {
 public:
  /// The first `bytes` of it. Contents stay, addresses may change. Throws Error{kOutOfMemory}.
  std::span<std::byte> room(std::size_t bytes);

  bool holds(std::span<const std::byte> bytes) const noexcept;

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t capacity_ = 0;
};

/// Where one stage puts what it decodes.
class StageOutput {
 public:
  /// The caller's memory, which has to be filled exactly.
  explicit StageOutput(std::span<std::byte> exact) noexcept
      : fixed_(exact), exact_bytes_(exact.size()), limit_bytes_(exact.size()) {}

  /// Scratch memory: `exact_bytes` of it, or at most `limit_bytes` if the size is not known.
  StageOutput(Scratch& scratch, std::optional<std::size_t> exact_bytes,
              std::size_t limit_bytes) noexcept
      : scratch_(&scratch),
        exact_bytes_(exact_bytes),
        limit_bytes_(exact_bytes.value_or(limit_bytes)) {}

  /// The size that the stage has to decode to, if it is known beforehand.
  std::optional<std::size_t> exact_bytes() const noexcept { return exact_bytes_; }
  std::size_t limit_bytes() const noexcept { return limit_bytes_; }

  /// Room for `bytes`, a size that may come from the data. A later call keeps the contents but may
  /// move them. Throws Error{kCorruptData} in the name of `filter` for a size that cannot be right.
  std::span<std::byte> room(std::size_t bytes, std::string_view filter);

 private:
  std::span<std::byte> fixed_;
  Scratch* scratch_ = nullptr;
  std::optional<std::size_t> exact_bytes_;
  std::size_t limit_bytes_;
};

/// For formats that do not state their size. Calls `decode(room)`, which returns the number of
/// bytes it wrote, or nothing for too little room, with ever more room up to the output's limit.
template <class Decode>
std::span<const std::byte> decode_growing(StageOutput& output, std::size_t first_guess,
                                          std::string_view filter, Decode decode) {
  std::size_t bytes = output.exact_bytes().value_or(
      std::min(std::max<std::size_t>(first_guess, 4096), output.limit_bytes()));
  while (true) {
    const auto room = output.room(bytes, filter);
    const std::optional<std::size_t> written = decode(room);
    if (written) return room.first(*written);
    if (bytes == output.limit_bytes()) corrupt(std::string(filter) + ": the data is too long");
    bytes = bytes > output.limit_bytes() / 2 ? output.limit_bytes() : bytes * 2;
  }
}

}  // namespace h5flume::chunks
