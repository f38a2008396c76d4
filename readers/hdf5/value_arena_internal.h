#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace h5flume::hdf5 {

/// Memory that libhdf5 takes for variable-length values while it reads them, in place of one
/// malloc() for each. All of it is given back together: what a failed read has left behind too,
/// which H5Dvlen_reclaim cannot find.
///
/// Lifetime: destruction ends all that was handed out. Threads: for one at a time.
class ValueArena {
 public:
  /// Hands out no more than `limit_bytes`.
  explicit ValueArena(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  ValueArena(const ValueArena&) = delete;
  ValueArena& operator=(const ValueArena&) = delete;

  /// For H5Dread; valid as long as the arena, whose address it holds.
  H5::DSetMemXferPropList transfer();

  /// What was refused because of the limit, with all that had been handed out before; 0: nothing.
  std::uint64_t refused_bytes() const noexcept { return refused_bytes_; }

 private:
  static void* allocate(std::size_t size_bytes, void* arena) noexcept;
  void* take(std::size_t size_bytes);

  struct Piece {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size_bytes = 0;
  };

  std::size_t limit_bytes_;
  std::size_t used_bytes_ = 0;  // asked for, of all pieces
  std::uint64_t refused_bytes_ = 0;
  std::vector<Piece> pieces_;
  std::size_t used_of_last_ = 0;
};

}  // namespace h5flume::hdf5
