#include "core/list_writer.h"

#include <cstring>

#include "core/error.h"
#include "core/saturating.h"

namespace h5flume {

std::uint64_t offset_bytes(std::uint64_t element_count) noexcept {
  constexpr std::uint64_t kMostElements = UINT64_MAX / sizeof(std::int64_t) - 1;
  return element_count > kMostElements ? UINT64_MAX : (element_count + 1) * sizeof(std::int64_t);
}

ListWriter::ListWriter(std::span<std::byte> memory, std::uint64_t element_count,
                       std::size_t value_bytes)
    : memory_(memory),
      element_count_(element_count),
      value_bytes_(value_bytes),
      needed_bytes_(offset_bytes(element_count)) {
  const std::int64_t start = 0;
  if (fits()) std::memcpy(memory_.data(), &start, sizeof start);
}

void ListWriter::append(std::span<const std::byte> values) {
  if (elements_ == element_count_ || values.size() % value_bytes_ != 0) {
    throw Error(ErrorCode::kInvalidArgument, "lay out a list: it is not as announced");
  }
  const std::uint64_t begin = needed_bytes_;
  add(values.size());
  ++elements_;
  if (!fits()) return;
  if (!values.empty()) std::memcpy(memory_.data() + begin, values.data(), values.size());
  const auto end =
      static_cast<std::int64_t>((needed_bytes_ - offset_bytes(element_count_)) / value_bytes_);
  std::memcpy(memory_.data() + elements_ * sizeof end, &end, sizeof end);
}

void ListWriter::give_up(std::uint64_t more_bytes) noexcept {
  add(more_bytes);
  given_up_ = true;
}

void ListWriter::add(std::uint64_t bytes) noexcept {
  needed_bytes_ = saturating_sum(needed_bytes_, bytes);
}

}  // namespace h5flume
