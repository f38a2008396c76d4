#include <vector>

#include "core/backoff_internal.h"
#include "tests/support/catch.h"

using namespace h5flume;

TEST_CASE("pauses double up to the longest, and a reset ends them", "[core]") {
  SpinBackoff backoff(3);
  const auto pause = [&] {
    int length = 0;
    while (!backoff.is_due()) ++length;
    return length;
  };
  CHECK(pause() == 0);
  CHECK(pause() == 0);
  std::vector<int> pauses;
  for (int i = 0; i < 4; ++i) {
    backoff.grow();
    pauses.push_back(pause());
  }
  CHECK(pauses == std::vector<int>{1, 3, 3, 3});
  backoff.grow();
  backoff.reset();
  CHECK(pause() == 0);
}

TEST_CASE("one at a time has the turn to look again", "[core]") {
  std::atomic<std::uint32_t> looking{0};
  {
    const LookingTurn first(looking, 1);
    const LookingTurn second(looking, 2);
    CHECK(first);
    CHECK_FALSE(second);
  }
  CHECK(LookingTurn(looking, 2));
}

TEST_CASE("the turn of one who died in it can be ended, that of another not", "[core]") {
  std::atomic<std::uint32_t> looking{7};  // as a killed process leaves it
  LookingTurn::end(looking, 8);
  CHECK_FALSE(LookingTurn(looking, 9));
  LookingTurn::end(looking, 7);
  CHECK(LookingTurn(looking, 9));
}
