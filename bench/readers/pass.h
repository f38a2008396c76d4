#pragma once

#include <chrono>
#include <cstdint>

namespace h5flume::bench {

/// How long it took to read a dataset once, or several times over, in blocks.
///
/// Counts from its construction. Every reader calls add() for each block, so that the clock costs
/// all of them the same.
class Pass {
 public:
  Pass(std::uint64_t dataset_bytes, unsigned times)
      : dataset_bytes_(dataset_bytes), wanted_bytes_(dataset_bytes * times) {}

  void add(std::uint64_t block_bytes) {
    const double now = seconds();
    if (bytes_ == 0) {
      first_bytes_ = block_bytes;
      first_seconds_ = now;
    }
    if (bytes_ < dataset_bytes_) {
      once_bytes_ = bytes_ + block_bytes;
      once_seconds_ = now;
    }
    bytes_ += block_bytes;
    last_seconds_ = now;
  }

  bool done() const { return bytes_ >= wanted_bytes_; }

  double first_block_ms() const { return first_seconds_ * 1000; }

  /// From the call until the dataset has been read once.
  double mb_per_s_once() const { return static_cast<double>(once_bytes_) / 1e6 / once_seconds_; }

  /// From the first block until the end: what a long stream comes to. All of it, if it came at
  /// once.
  double mb_per_s_steady() const {
    if (bytes_ == first_bytes_) return mb_per_s_once();
    return static_cast<double>(bytes_ - first_bytes_) / 1e6 / (last_seconds_ - first_seconds_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  Clock::time_point start_ = Clock::now();
  std::uint64_t dataset_bytes_;
  std::uint64_t wanted_bytes_;
  std::uint64_t bytes_ = 0;
  std::uint64_t first_bytes_ = 0;
  std::uint64_t once_bytes_ = 0;
  double first_seconds_ = 0;
  double once_seconds_ = 0;
  double last_seconds_ = 0;
};

}  // namespace h5flume::bench
