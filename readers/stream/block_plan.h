#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace h5flume {

/// Consecutive rows of a dataset.
struct RowRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;

  bool operator==(const RowRange&) const = default;
};

/// Which rows each block of a stream holds: block number `ticket` begins ticket * block_rows rows
/// after the first row of the stream. A cyclic stream is the dataset's rows over and over, so that
/// a block may wrap, more than once if it is longer than the dataset.
///
/// Threads: a value; copy it freely.
struct BlockPlan {
  RowRange rows;                 ///< of the dataset that are streamed; not none
  std::uint64_t block_rows = 1;  ///< at least 1
  bool cyclic = false;
  bool remainder = false;  ///< the rows that do not fill a block come as a last, shorter block

  /// Number of blocks; nothing for a cyclic plan.
  std::optional<std::uint64_t> block_count() const noexcept;

  /// The rows of a block, in order: one range, or several if it wraps.
  std::vector<RowRange> ranges(std::uint64_t ticket) const;

  /// Number of rows in a block: block_rows, or less in a last block.
  std::uint64_t row_count(std::uint64_t ticket) const noexcept;

  /// Row of the dataset at which a block begins.
  std::uint64_t first_row(std::uint64_t ticket) const noexcept;

  /// Number of whole passes over the rows before a block's first row.
  std::uint64_t epoch(std::uint64_t ticket) const noexcept;

  /// The first block that begins in a later pass than block `ticket` does. Only for cyclic plans.
  std::uint64_t first_of_next_epoch(std::uint64_t ticket) const noexcept;

  bool operator==(const BlockPlan&) const = default;
};

}  // namespace h5flume
