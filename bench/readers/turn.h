#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace h5flume::bench {

/// How long a turn goes on: until one of these is reached.
struct TurnLimits {
  std::size_t requests = SIZE_MAX;
  double seconds = 1e9;
  bool sums_up = false;  ///< the values, so that readers can be compared
};

/// What the requests of one turn took.
struct Outcome {
  std::vector<double> us;  ///< of each request
  double seconds = 0;      ///< from the first request to the last
  std::uint64_t sum = 0;   ///< of the CRC-32 of each result, which begins with the request's number

  /// Of the latencies in ascending order, the one at `share` of them.
  double percentile(double share) const;

  /// The 99th percentile; nothing of fewer than a hundred requests.
  std::optional<double> p99_us() const;
  double requests_per_s() const { return static_cast<double>(us.size()) / seconds; }

  /// Adds what another thread did at the same time.
  void add(const Outcome& beside);
};

/// Serves every `stride`-th request from `first` on and looks at the clock between them:
///
///   Turn turn(limits, requests.size());
///   while (turn.goes_on()) {
///     const auto begin = Turn::Clock::now();
///     turn.served(begin, read(requests.selection(turn.request())));
///   }
///
/// Threads: each has one of its own.
class Turn {
 public:
  using Clock = std::chrono::steady_clock;

  Turn(const TurnLimits& limits, std::size_t requests, std::size_t first = 0,
       std::size_t stride = 1);

  /// Whether there is time for request() to be begun.
  bool goes_on() const noexcept { return request_ < end_ && last_ < deadline_; }
  std::size_t request() const noexcept { return request_; }

  /// The request that comes first has its `result`, of which a byte is touched. The next is first.
  void served(Clock::time_point begin, std::span<const std::byte> result);

  Outcome outcome() &&;

 private:
  bool sums_up_;
  std::size_t request_;
  std::size_t stride_;
  std::size_t end_;
  Outcome outcome_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  Clock::time_point deadline_;
};

}  // namespace h5flume::bench
