#include "core/list_view.h"

#include <fmt/format.h>

#include "core/list_writer.h"

namespace h5flume {
namespace {

[[noreturn]] void contradiction() {
  throw Error(ErrorCode::kCorruptData,
              "look at a block of variable-length data: its offsets contradict themselves");
}

}  // namespace

ListLayout::ListLayout(std::shared_ptr<const Lease> lease, std::span<const std::byte> bytes,
                       std::uint64_t element_count, std::size_t value_bytes)
    : lease_(std::move(lease)),
      offsets_(reinterpret_cast<const std::int64_t*>(bytes.data())),
      element_count_(element_count),
      value_size_(value_bytes) {
  static constexpr std::int64_t kNothing = 0;
  check_lease();
  if (element_count == 0 && bytes.empty()) {
    offsets_ = &kNothing;
    return;
  }
  if (value_bytes == 0 || offset_bytes(element_count) > bytes.size()) contradiction();
  values_ = bytes.subspan(offset_bytes(element_count));
  bool rising = offsets_[0] == 0;
  for (std::uint64_t i = 0; i < element_count; ++i) rising &= offsets_[i] <= offsets_[i + 1];
  const std::uint64_t value_count = values_.size() / value_bytes;
  if (!rising || static_cast<std::uint64_t>(offsets_[element_count]) != value_count ||
      values_.size() % value_bytes != 0) {
    contradiction();
  }
}

std::span<const std::byte> ListLayout::element(std::uint64_t index) const {
  check_lease();
  if (index >= element_count_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("element {} of a block of {} elements", index, element_count_));
  }
  // Looked at again, although the constructor has: the writer's process may still have the memory.
  const auto begin = static_cast<std::uint64_t>(offsets_[index]);
  const auto end = static_cast<std::uint64_t>(offsets_[index + 1]);
  if (begin > end || end > values_.size() / value_size_) contradiction();
  return values_.subspan(begin * value_size_, (end - begin) * value_size_);
}

}  // namespace h5flume
