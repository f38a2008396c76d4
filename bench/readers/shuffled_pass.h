#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/readers/bench_files.h"

namespace h5flume::bench {

/// Every row of a dataset once: in what time, from the call.
struct WholePass {
  double mb_per_s = 0;
  std::uint64_t sum = 0;  ///< of the CRC-32 of each row, if asked for; in whatever order
};

/// All rows of a dataset in batches of 256, as for training: windows of 96 MiB come in the
/// dataset's order, the rows of each are shuffled. The default cache of a Reader holds two windows.
/// Drawn once, before any pass. The last batch of a window may be shorter.
class ShuffledOrder {
 public:
  explicit ShuffledOrder(const BenchFile& file);

  std::size_t batches() const noexcept { return batch_begins_.size() - 1; }
  std::size_t windows() const noexcept { return window_begins_.size() - 1; }

  std::size_t row_bytes() const noexcept { return row_bytes_; }

  /// The row numbers of one batch.
  std::vector<std::int64_t> batch(std::size_t number) const;

  /// Number of a window's first batch; of windows(), one beyond the last batch.
  std::size_t first_batch(std::size_t window) const noexcept { return window_begins_[window]; }

 private:
  std::size_t row_bytes_;
  std::vector<std::int64_t> rows_;
  std::vector<std::size_t> batch_begins_;   // in rows_, and its end
  std::vector<std::size_t> window_begins_;  // batches, and their end
};

/// The batches through a pool of 4 stages, by a Reader with default options; readahead() is
/// told a window's requests while the window before it is read.
WholePass read_shuffled(const BenchFile& file, const ShuffledOrder& order, bool sums_up);

/// An ordered stream with default blocks and two workers.
WholePass read_in_order(const BenchFile& file, std::size_t row_bytes, bool sums_up);

}  // namespace h5flume::bench
