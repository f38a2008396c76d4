#include "readers/stream/block_plan.h"

#include <random>

#include "tests/support/catch.h"

using namespace h5flume;

TEST_CASE("a plan of full blocks leaves the remainder out", "[reader][plan]") {
  const BlockPlan plan{.rows = {0, 10}, .block_rows = 4};
  CHECK(plan.block_count() == 2u);
  CHECK(plan.ranges(1) == std::vector<RowRange>{{4, 4}});
}

TEST_CASE("a plan with the remainder ends with a shorter block", "[reader][plan]") {
  const BlockPlan plan{.rows = {100, 10}, .block_rows = 4, .remainder = true};
  CHECK(plan.block_count() == 3u);
  CHECK(plan.ranges(2) == std::vector<RowRange>{{108, 2}});
  CHECK(plan.row_count(2) == 2);
}

TEST_CASE("a block of a cyclic plan wraps, also several times", "[reader][plan]") {
  const BlockPlan plan{.rows = {0, 3}, .block_rows = 7, .cyclic = true};
  CHECK(plan.ranges(0) == std::vector<RowRange>{{0, 3}, {0, 3}, {0, 1}});
  CHECK(plan.ranges(1) == std::vector<RowRange>{{1, 2}, {0, 3}, {0, 2}});
  CHECK(plan.epoch(1) == 2);
}

TEST_CASE("a cyclic plan counts rows beyond 64 bits", "[reader][plan]") {
  const BlockPlan plan{
      .rows = {0, std::uint64_t{1} << 40}, .block_rows = std::uint64_t{1} << 39, .cyclic = true};
  const std::uint64_t ticket = (std::uint64_t{1} << 43) + 1;
  CHECK(plan.first_row(ticket) == std::uint64_t{1} << 39);
  CHECK(plan.epoch(ticket) == std::uint64_t{1} << 42);
}

TEST_CASE("blocks of any plan are the rows in sequence, and passes end where they should",
          "[reader][plan]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const BlockPlan plan{.rows = {random() % 5, random() % 50 + 1},
                         .block_rows = random() % 60 + 1,
                         .cyclic = random() % 2 == 0,
                         .remainder = random() % 2 == 0};
    CAPTURE(plan.rows.first, plan.rows.count, plan.block_rows, plan.cyclic, plan.remainder);
    std::uint64_t position = 0;  // in the endless sequence of rows
    for (std::uint64_t ticket = 0; ticket < plan.block_count().value_or(30); ++ticket) {
      CHECK(plan.epoch(ticket) == position / plan.rows.count);
      if (plan.cyclic) {
        const std::uint64_t next = plan.first_of_next_epoch(ticket);
        CHECK(next > ticket);
        CHECK(plan.epoch(next) > plan.epoch(ticket));
        CHECK(plan.epoch(next - 1) == plan.epoch(ticket));
      }
      for (const RowRange& range : plan.ranges(ticket)) {
        CHECK(range.count > 0);
        CHECK(range.first == plan.rows.first + position % plan.rows.count);
        position += range.count;
      }
    }
    if (!plan.cyclic) {
      const std::uint64_t left = plan.remainder ? 0 : plan.rows.count % plan.block_rows;
      CHECK(position == plan.rows.count - left);
    }
  }
}
