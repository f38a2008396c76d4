#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <new>

#include "core/error.h"
#include "readers/chunks/stage_output_internal.h"

namespace h5flume::chunks {

void corrupt(const std::string& cause) { throw Error(ErrorCode::kCorruptData, cause); }

std::span<std::byte> Scratch::room(std::size_t bytes) {
  if (bytes > capacity_ || !memory_) {
    const std::size_t capacity = std::max<std::size_t>(bytes, 1);
    std::unique_ptr<std::byte[]> larger(new (std::nothrow) std::byte[capacity]);
    if (!larger) {
      throw Error(ErrorCode::kOutOfMemory, fmt::format("no memory for {} bytes", bytes));
    }
    if (capacity_ > 0) std::memcpy(larger.get(), memory_.get(), capacity_);
    memory_ = std::move(larger);
    capacity_ = capacity;
  }
  return {memory_.get(), bytes};
}

bool Scratch::holds(std::span<const std::byte> bytes) const noexcept {
  const std::less_equal<const std::byte*> not_after;
  return memory_ && not_after(memory_.get(), bytes.data()) &&
         not_after(bytes.data(), memory_.get() + capacity_);
}

std::span<std::byte> StageOutput::room(std::size_t bytes, std::string_view filter) {
  if (exact_bytes_ && bytes != *exact_bytes_) {
    corrupt(
        fmt::format("{}: the data is of {} bytes, {} belong there", filter, bytes, *exact_bytes_));
  }
  if (bytes > limit_bytes_) {
    corrupt(fmt::format("{}: the data claims to be of {} bytes, more than belong there", filter,
                        bytes));
  }
  return scratch_ != nullptr ? scratch_->room(bytes) : fixed_;
}

}  // namespace h5flume::chunks
