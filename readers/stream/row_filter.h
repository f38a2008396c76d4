#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/element_pick.h"
#include "readers/conditions/row_condition.h"
#include "readers/hdf5/dataset_info.h"
#include "readers/stream/block_plan.h"

namespace h5flume {

/// What a stream with a condition delivers, as it is told to its workers.
struct FilterPlan {
  std::string where;                     ///< see StreamOptions::where
  std::vector<std::string> fields;       ///< those that are delivered; empty: the whole row
  std::vector<std::string> read_fields;  ///< those that are read; empty: the whole row

  bool operator==(const FilterPlan&) const = default;
};

/// The fields to read for `fields` and for the condition `where`, where whole rows cannot be read.
/// Throws as fields_of_condition() does.
std::vector<std::string> fields_to_read(const std::string& where,
                                        const std::vector<std::string>& fields);

/// The rows of a filtered block, as they lie in its slot.
struct FilteredRows {
  std::span<const std::byte> rows;         ///< one after the other, as they are delivered
  std::span<const std::uint64_t> numbers;  ///< of these rows, in the dataset
};

/// A worker's means to leave out the rows of a block for which a condition does not hold, in place.
///
/// A slot then holds the rows that are left, without the fields that nobody asked for; their
/// numbers, at a multiple of 8 bytes; and how many they are, in its last 8 bytes.
///
/// Threads: one at a time; make a copy for each other thread.
class RowFilter {
 public:
  /// `read` is the dataset as the workers read it. Throws kInvalidArgument if its rows are not of
  /// one element, if there is no such field, and as RowCondition does.
  RowFilter(const FilterPlan& plan, const hdf5::DatasetInfo& read);

  /// The type of the rows that are delivered.
  const ElementType& delivered() const noexcept { return delivered_; }

  /// The slot that a block of `block_rows` rows needs; nothing beyond the address space.
  std::optional<std::size_t> slot_bytes(std::uint64_t block_rows) const noexcept;

  /// Packs a slot that holds the rows of `ranges`, one range after the other, as they were read.
  /// Returns how much of it the packed rows take. Throws as RowCondition::find() does.
  std::size_t pack(std::span<std::byte> slot, const std::vector<RowRange>& ranges);

  /// What pack() left. Throws kWorkerFailed if that makes no sense.
  static FilteredRows unpack(std::span<const std::byte> slot, std::size_t row_bytes);

 private:
  void keep_row(std::span<std::byte> slot, std::uint64_t from, std::uint64_t to);

  RowCondition condition_;
  ElementType delivered_;
  std::optional<ElementPick> pick_;     // what is delivered; nothing: the whole row
  std::vector<std::byte> row_;          // one of them
  std::vector<std::uint64_t> numbers_;  // of the rows that are left
};

}  // namespace h5flume
