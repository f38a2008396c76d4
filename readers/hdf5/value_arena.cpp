#include <algorithm>
#include <new>

#include "readers/hdf5/value_arena_internal.h"

namespace h5flume::hdf5 {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

constexpr std::size_t aligned(std::size_t size_bytes) {
  constexpr std::size_t kAlignment = alignof(std::max_align_t);
  return (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

H5::DSetMemXferPropList ValueArena::transfer() {
  H5::DSetMemXferPropList transfer;
  transfer.setVlenMemManager(
      &ValueArena::allocate, this, [](void*, void*) {}, this);
  return transfer;
}

// Called by libhdf5, which takes a null pointer for an answer, but no exception.
void* ValueArena::allocate(std::size_t size_bytes, void* arena) noexcept {
  try {
    return static_cast<ValueArena*>(arena)->take(size_bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void* ValueArena::take(std::size_t size_bytes) {
  if (size_bytes > limit_bytes_ - used_bytes_) {
    if (__builtin_add_overflow(used_bytes_, size_bytes, &refused_bytes_)) {
      refused_bytes_ = UINT64_MAX;
    }
    return nullptr;
  }
  const std::size_t needed = aligned(std::max<std::size_t>(size_bytes, 1));
  if (pieces_.empty() || needed > pieces_.back().size_bytes - used_of_last_) {
    const std::size_t piece_bytes = std::max(needed, kPieceBytes);
    pieces_.push_back({std::make_unique_for_overwrite<std::byte[]>(piece_bytes), piece_bytes});
    used_of_last_ = 0;
  }
  std::byte* const memory = pieces_.back().memory.get() + used_of_last_;
  used_bytes_ += size_bytes;
  used_of_last_ += needed;
  return memory;
}

}  // namespace h5flume::hdf5
