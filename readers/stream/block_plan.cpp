#include "readers/stream/block_plan.h"

#include <algorithm>

namespace h5flume {
namespace {

// Row numbers of an endless stream outgrow 64 bits.
__extension__ using Wide = unsigned __int128;

Wide stream_row(const BlockPlan& plan, std::uint64_t ticket) {
  return Wide{ticket} * plan.block_rows;
}

}  // namespace

std::optional<std::uint64_t> BlockPlan::block_count() const noexcept {
  if (cyclic) return std::nullopt;
  const bool with_remainder = remainder && rows.count % block_rows != 0;
  return rows.count / block_rows + (with_remainder ? 1 : 0);
}

std::vector<RowRange> BlockPlan::ranges(std::uint64_t ticket) const {
  std::vector<RowRange> parts;
  std::uint64_t first = first_row(ticket);
  for (std::uint64_t left = row_count(ticket); left > 0;) {
    const std::uint64_t count = std::min(left, rows.first + rows.count - first);
    parts.push_back({first, count});
    left -= count;
    first = rows.first;
  }
  return parts;
}

std::uint64_t BlockPlan::row_count(std::uint64_t ticket) const noexcept {
  if (cyclic) return block_rows;
  return std::min<std::uint64_t>(block_rows, rows.count - ticket * block_rows);
}

std::uint64_t BlockPlan::first_row(std::uint64_t ticket) const noexcept {
  return rows.first + static_cast<std::uint64_t>(stream_row(*this, ticket) % rows.count);
}

std::uint64_t BlockPlan::epoch(std::uint64_t ticket) const noexcept {
  return static_cast<std::uint64_t>(stream_row(*this, ticket) / rows.count);
}

std::uint64_t BlockPlan::first_of_next_epoch(std::uint64_t ticket) const noexcept {
  const Wide next_pass = Wide{epoch(ticket) + 1} * rows.count;
  return static_cast<std::uint64_t>((next_pass + block_rows - 1) / block_rows);
}

}  // namespace h5flume
