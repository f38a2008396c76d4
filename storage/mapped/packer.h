#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace h5flume::mapped {

/// Collects what does not fit into records of fixed size: long texts, lists, shared objects.
///
/// Offsets are those of the region that the bytes will be read from: the first byte appended
/// here will lie at `base`.
///
/// Threads: one.
class Packer {
 public:
  explicit Packer(std::uint64_t base = 0) : base_(base) {}

  /// Appends bytes, which need no alignment. Returns their offset.
  std::uint64_t append(std::span<const std::byte> bytes);

  /// Appends `size` zeros at a multiple of 8. Returns their offset.
  std::uint64_t reserve(std::size_t size);

  /// Overwrites a part of what was reserved.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);

  /// Where the shared object is, if it has been packed already. An object counts as packed from
  /// the moment that it is entered, so that cycles come to an end.
  std::optional<std::uint64_t> find_shared(const void* object) const;

  /// Enters a shared object, which is kept alive until clear_shared(): an address cannot come to
  /// stand for another object meanwhile.
  void enter_shared(std::shared_ptr<const void> object, std::uint64_t offset);
  void clear_shared() { shared_.clear(); }

  /// What has been appended since the construction or the last drop_bytes().
  const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

  /// As if it had just been made, with the memory that it has.
  void restart(std::uint64_t base);

  /// Forgets the bytes, which are then the caller's business; the next one lies after them.
  void drop_bytes();

  std::uint64_t base() const noexcept { return base_; }

 private:
  struct Shared {
    std::shared_ptr<const void> object;
    std::uint64_t offset;
  };

  std::uint64_t base_;
  std::vector<std::byte> bytes_;
  std::unordered_map<const void*, Shared> shared_;
};

}  // namespace h5flume::mapped
