#include "readers/stream/row_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace h5flume {
namespace {

constexpr std::size_t kNumberBytes = sizeof(std::uint64_t);

std::size_t aligned(std::size_t bytes) {
  return (bytes + kNumberBytes - 1) / kNumberBytes * kNumberBytes;
}

// A single field is read as its own type; for a condition it is a compound of one field.
ElementType row_type(const FilterPlan& plan, const hdf5::DatasetInfo& read) {
  if (plan.read_fields.size() != 1) return read.type;
  ElementType row;
  row.kind = ElementKind::kCompound;
  row.size = read.type.size;
  row.fields = {{plan.read_fields.front(), 0, read.type}};
  return row;
}

RowCondition condition_for(const FilterPlan& plan, const hdf5::DatasetInfo& read) {
  if (read.row_elements() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a condition asks about rows of one element, and those of '{}' of {} "
                            "have {}",
                            read.path, read.file, read.row_elements()));
  }
  return {plan.where, row_type(plan, read)};
}

}  // namespace

std::vector<std::string> fields_to_read(const std::string& where,
                                        const std::vector<std::string>& fields) {
  std::vector<std::string> all = fields;
  for (const std::string& path : fields_of_condition(where)) {
    const bool is_there = std::any_of(all.begin(), all.end(), [&](const std::string& known) {
      return lies_in_field(path, known);
    });
    if (!is_there) all.push_back(path);
  }
  return all;
}

RowFilter::RowFilter(const FilterPlan& plan, const hdf5::DatasetInfo& read)
    : condition_(condition_for(plan, read)), delivered_(condition_.row()) {
  if (plan.fields.empty()) return;
  pick_ = pick_columns(condition_.row(), plan.fields);
  delivered_ = pick_->type;
  row_.resize(delivered_.size);
}

std::optional<std::size_t> RowFilter::slot_bytes(std::uint64_t block_rows) const noexcept {
  std::size_t bytes = 0;
  const std::size_t row_bytes = std::max(condition_.row().size, delivered_.size) + kNumberBytes;
  if (__builtin_mul_overflow(block_rows, row_bytes, &bytes)) return {};
  if (__builtin_add_overflow(bytes, 2 * kNumberBytes, &bytes)) return {};
  return bytes;
}

std::size_t RowFilter::pack(std::span<std::byte> slot, const std::vector<RowRange>& ranges) {
  const std::size_t row_bytes = condition_.row().size;
  numbers_.clear();
  std::uint64_t begin = 0;  // of the range, in rows
  std::uint64_t kept = 0;
  for (const RowRange& range : ranges) {
    condition_.find(slot.subspan(begin * row_bytes, range.count * row_bytes), range.first,
                    numbers_);
    for (; kept < numbers_.size(); ++kept) {
      keep_row(slot, begin + numbers_[kept] - range.first, kept);
    }
    begin += range.count;
  }
  const std::size_t numbers_at = aligned(kept * delivered_.size);
  std::memcpy(slot.data() + numbers_at, numbers_.data(), kept * kNumberBytes);
  const std::size_t count_at = numbers_at + kept * kNumberBytes;
  std::memcpy(slot.data() + count_at, &kept, kNumberBytes);
  return count_at + kNumberBytes;
}

// Rows only move towards the beginning, onto what has been looked at. The pieces of one row may lie
// where others of it go.
void RowFilter::keep_row(std::span<std::byte> slot, std::uint64_t from, std::uint64_t to) {
  const std::byte* row = slot.data() + from * condition_.row().size;
  std::byte* const place = slot.data() + to * delivered_.size;
  if (!pick_) {
    if (from != to) std::memcpy(place, row, delivered_.size);
    return;
  }
  pick_->copy(row, row_.data());
  std::memcpy(place, row_.data(), row_.size());
}

FilteredRows RowFilter::unpack(std::span<const std::byte> slot, std::size_t row_bytes) {
  std::uint64_t count = 0;
  if (slot.size() >= kNumberBytes) {
    std::memcpy(&count, slot.data() + slot.size() - kNumberBytes, kNumberBytes);
    const std::uint64_t most = slot.size() / (row_bytes + kNumberBytes);
    const std::size_t numbers_at = count > most ? 0 : aligned(count * row_bytes);
    if (count <= most && numbers_at + (count + 1) * kNumberBytes == slot.size()) {
      const auto* numbers = reinterpret_cast<const std::uint64_t*>(slot.data() + numbers_at);
      return {slot.first(count * row_bytes), {numbers, count}};
    }
  }
  throw Error(ErrorCode::kWorkerFailed, "take a filtered block: its rows do not fill it");
}

}  // namespace h5flume
