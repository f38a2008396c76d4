#include "bench/readers/take_turns.h"

#include <fmt/format.h>

#include "core/error.h"

namespace h5flume::bench {
namespace {

void compare(const std::vector<Way>& ways, const std::vector<Outcome>& outcomes) {
  const Outcome* expected = nullptr;
  const Way* first = nullptr;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (!ways[i].delivers) continue;
    if (!expected) {
      expected = &outcomes[i];
      first = &ways[i];
    } else if (outcomes[i].sum != expected->sum) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("{} gives other values than {}", ways[i].name, first->name));
    }
  }
}

}  // namespace

std::vector<WayFigures> take_turns(const std::vector<Way>& ways, const Requests& requests,
                                   const TurnPlan& plan) {
  std::vector<WayFigures> all(ways.size());
  std::vector<Outcome> compared;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    all[i].name = ways[i].name;
    compared.push_back(ways[i].take_turn(requests, {.requests = plan.compared, .sums_up = true}));
  }
  compare(ways, compared);
  for (unsigned repetition = 0; repetition < plan.repetitions; ++repetition) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      const Outcome outcome = ways[i].take_turn(requests, plan.limits);
      all[i].p50_us.push_back(outcome.percentile(0.5));
      if (const auto p99 = outcome.p99_us()) all[i].p99_us.push_back(*p99);
      all[i].requests_per_s.push_back(outcome.requests_per_s());
    }
  }
  return all;
}

}  // namespace h5flume::bench
