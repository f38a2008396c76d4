#include "bench/readers/turn.h"

#include <libdeflate.h>

#include <algorithm>
#include <utility>

namespace h5flume::bench {
namespace {

double us_between(Turn::Clock::time_point begin, Turn::Clock::time_point end) {
  return std::chrono::duration<double, std::micro>(end - begin).count();
}

}  // namespace

double Outcome::percentile(double share) const {
  if (us.empty()) return 0;
  auto ordered = us;
  const auto at = std::min(static_cast<std::size_t>(share * static_cast<double>(ordered.size())),
                           ordered.size() - 1);
  std::nth_element(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(at),
                   ordered.end());
  return ordered[at];
}

std::optional<double> Outcome::p99_us() const {
  if (us.size() < 100) return std::nullopt;
  return percentile(0.99);
}

void Outcome::add(const Outcome& beside) {
  us.insert(us.end(), beside.us.begin(), beside.us.end());
  seconds = std::max(seconds, beside.seconds);
  sum += beside.sum;
}

Turn::Turn(const TurnLimits& limits, std::size_t requests, std::size_t first, std::size_t stride)
    : sums_up_(limits.sums_up),
      request_(first),
      stride_(stride),
      end_(std::min(requests, limits.requests)) {
  outcome_.us.reserve(end_);
  start_ = last_ = Clock::now();
  deadline_ = start_ + std::chrono::duration_cast<Clock::duration>(
                           std::chrono::duration<double>(limits.seconds));
}

void Turn::served(Clock::time_point begin, std::span<const std::byte> result) {
  [[maybe_unused]] const volatile std::byte touched = result.front();
  last_ = Clock::now();
  outcome_.us.push_back(us_between(begin, last_));
  if (sums_up_) {
    const auto start = static_cast<std::uint32_t>(request_);
    outcome_.sum += libdeflate_crc32(start, result.data(), result.size());
  }
  request_ += stride_;
}

Outcome Turn::outcome() && {
  outcome_.seconds = us_between(start_, last_) / 1e6;
  return std::move(outcome_);
}

}  // namespace h5flume::bench
