#include <map>

#include "readers/random/box_plan_internal.h"
#include "tests/readers/random/random_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// Where each place of the result comes from, as the plan has it; and whether a box comes twice.
struct Walk {
  std::map<std::uint64_t, std::uint64_t> source_of;  // both as places in C order
  std::map<std::uint64_t, int> visits;               // by box
};

Walk walk(const BoxPlan& plan, const ResolvedSelection& selection,
          const std::vector<std::uint64_t>& shape, const std::vector<std::uint64_t>& box,
          const std::vector<std::uint64_t>& grid) {
  Walk walk;
  BoxPart part;
  for (std::uint64_t number = 0; number < plan.size(); ++number) {
    plan.get(number, part);
    REQUIRE(plan.box(number) == part.box);
    ++walk.visits[part.box];
    std::uint64_t count = 1;
    for (const AxisPart& axis : part.axes) count *= axis.count;
    REQUIRE(count > 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t rest = i;
      std::uint64_t from = 0;
      std::uint64_t to = 0;
      std::uint64_t from_stride = 1;
      std::uint64_t to_stride = 1;
      std::uint64_t box_rest = part.box;
      for (std::size_t axis = shape.size(); axis-- > 0;) {
        const AxisPart& places = part.axes[axis];
        const PlacePair place = places.at(rest % places.count);
        rest /= places.count;
        REQUIRE(place.in_box < box[axis]);
        from += (box_rest % grid[axis] * box[axis] + place.in_box) * from_stride;
        box_rest /= grid[axis];
        to += place.in_result * to_stride;
        from_stride *= shape[axis];
        to_stride *= selection.axes[axis].count();
      }
      REQUIRE(walk.source_of.emplace(to, from).second);
    }
  }
  return walk;
}

}  // namespace

TEST_CASE("a plan takes every selected element once, and every box once",
          "[reader][random][plan]") {
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  RandomSelections random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint64_t> shape;
    std::vector<std::uint64_t> box;
    std::vector<std::uint64_t> grid;
    for (auto rank = 1 + random.below(3); rank > 0; --rank) {
      shape.push_back(1 + random.below(20));
      box.push_back(1 + random.below(shape.back() + 2));
      grid.push_back((shape.back() + box.back() - 1) / box.back());
    }
    const Selection selection = random.next(shape);
    const ResolvedSelection resolved = resolve(selection, shape);
    const Walk found = walk(BoxPlan(resolved, box, grid), resolved, shape, box, grid);
    const auto wanted = expected(selection, shape);
    REQUIRE(found.source_of.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      REQUIRE(found.source_of.at(i) == static_cast<std::uint64_t>(wanted[i]));
    }
    for (const auto& [number, visits] : found.visits) REQUIRE(visits == 1);
  }
}

TEST_CASE("the plan of all of a huge axis takes no memory for its places",
          "[reader][random][plan]") {
  const std::uint64_t huge = std::uint64_t{1} << 60;
  const auto resolved = resolve(rows({}, {}, -3), std::vector<std::uint64_t>{huge});
  const std::vector<std::uint64_t> box{1000};
  const std::vector<std::uint64_t> grid{huge / 1000 + 1};
  const BoxPlan plan(resolved, box, grid);
  CHECK(plan.size() == grid[0]);
  BoxPart part;
  plan.get(plan.size() - 1, part);
  CHECK(part.box == 0);
  CHECK(part.axes[0].at(part.axes[0].count - 1).in_result == resolved.element_count - 1);
}
