#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace h5flume::cli {

/// One line on standard error that shows how far long work has come:
///
///   images.h5 /images  42% [########............]  512 MB/s  0:12 left
///
/// Nothing is ever written unless standard error is a terminal. Drawn at most ten times a second;
/// wiped by finish(), so that what the program prints next stands alone.
/// Threads: for one thread.
class ProgressBar {
 public:
  /// What is counted.
  enum class Unit { kBytes, kRows, kElements, kTasks, kEntries };

  /// `total` are to be done. `quiet` shows nothing.
  ProgressBar(std::string label, std::uint64_t total, Unit unit, bool quiet = false);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { finish(); }

  /// There are more or fewer to be done than was thought.
  void set_total(std::uint64_t total) { total_ = static_cast<double>(total); }

  /// `done` were done before: the bar starts there, rate and remaining time are those of the rest.
  void start_at(std::uint64_t done);

  /// Shown at the end of the line from now on: "3 failed".
  void set_note(std::string note) { note_ = std::move(note); }

  /// `done` have been done so far. Cheap enough to be called for every block.
  void update(std::uint64_t done);

  /// Wipes the line. No effect if repeated.
  void finish() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void draw(double done, double elapsed_seconds);

  std::string label_;
  double total_;
  Unit unit_;
  double done_before_ = 0;
  std::string note_;
  bool shown_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_draw_;
};

}  // namespace h5flume::cli
