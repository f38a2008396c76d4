#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "readers/jobs/chunk_job.h"
#include "tests/readers/random/random_fixture.h"

// The vocabulary of the tests of readers/jobs: a file of 100 rows of 40 counting int32, in chunks
// of 8 rows, and functions that are called for its pieces.
namespace h5flume::test {

/// A file, and what is kept beside it.
class JobFolder {
 public:
  explicit JobFolder(Storage storage = Storage::kGzip) : file_(counting_file(folder_, storage)) {}

  std::string file() const { return file_; }
  std::string path(const std::string& name) const { return folder_.file(name); }
  std::string tracker() const { return path("tracker"); }
  std::string output() const { return path("out.h5"); }

 private:
  TemporaryFolder folder_;
  std::string file_;
};

inline Reader trusting_reader(const std::string& file) {
  return Reader(file, {.threads = 2}, {.trusted = true});
}

/// 13 pieces, the last of 4 rows.
inline ChunkJobOptions pieces_of_8(unsigned threads = 2) {
  return {.piece_rows = 8, .threads = threads};
}

/// Counts the calls for each piece, by its first row.
class Calls {
 public:
  void note(const JobPiece& piece) {
    const std::lock_guard lock(mutex_);
    ++counts_[piece.first_row];
  }
  std::map<std::uint64_t, int> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, int> counts_;
};

/// Each of the 13 pieces so many times.
inline std::map<std::uint64_t, int> each_piece(int times) {
  std::map<std::uint64_t, int> counts;
  for (std::uint64_t first = 0; first < 100; first += 8) counts[first] = times;
  return counts;
}

inline std::int64_t sum_of(const Array& rows) {
  std::int64_t sum = 0;
  for (const auto value : values_of(rows)) sum += value;
  return sum;
}

/// The result of a piece: {"sum", "rows"}.
inline JobResult summed(const JobPiece& piece, const Array& rows) {
  return Json{{"sum", sum_of(rows)}, {"rows", piece.row_count}};
}

/// The rows of a piece with each value doubled.
inline JobResult doubled(const JobPiece& /*piece*/, const Array& rows) {
  auto values = values_of(rows);
  for (auto& value : values) value *= 2;
  return JobRows::of<std::int32_t>(values, {40});
}

/// Whether all 13 pieces are done, with the results of summed().
inline bool all_summed(const ProgressTracker& tracker) {
  std::uint64_t rows = 0;
  std::int64_t sum = 0;
  tracker.for_each([&](const Task& task) {
    if (!task.result.is_object()) return true;  // the record of the job
    rows += task.result["rows"].get<std::uint64_t>();
    sum += task.result["sum"].get<std::int64_t>();
    return true;
  });
  return rows == 100 && sum == 4000 * 3999 / 2 && tracker.num_not_done() == 0;
}

inline bool holds_doubled_rows(const std::string& output) {
  Reader reader = trusting_reader(output);
  auto expected_values = hdf5::counting<std::int32_t>(4000, 0);
  for (auto& value : expected_values) value *= 2;
  return values_of(reader.dataset("/result").read(all())) == expected_values;
}

}  // namespace h5flume::test
