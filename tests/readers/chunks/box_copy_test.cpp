#include "readers/chunks/box_copy.h"

#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "readers/chunks/byte_swap.h"
#include "tests/support/catch.h"

using namespace h5flume::chunks;

namespace {

using Extents = std::vector<std::uint64_t>;

std::uint64_t product(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::uint64_t{1}, std::multiplies<>());
}

// The element at `at` inside a box that begins at `start` of an array.
std::uint64_t offset_of(const Extents& shape, const Extents& start, const Extents& at) {
  std::uint64_t offset = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    offset = offset * shape[axis] + start[axis] + at[axis];
  }
  return offset;
}

// Calls `visit` with the place of each element of a box, in C order.
template <class Visit>
void for_each(const Extents& extent, Visit visit) {
  for (std::uint64_t i = 0; i < product(extent); ++i) {
    Extents at(extent.size());
    std::uint64_t rest = i;
    for (std::size_t axis = extent.size(); axis-- > 0; rest /= extent[axis]) {
      at[axis] = rest % extent[axis];
    }
    visit(at);
  }
}

struct RandomBox {
  Extents source, source_start, target, target_start, extent;

  explicit RandomBox(std::mt19937_64& random) {
    const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
    const std::size_t rank = 1 + random() % 4;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      extent.push_back(1 + up_to(4));
      for (auto [shape, start] : {std::pair(&source, &source_start), {&target, &target_start}}) {
        const std::uint64_t margin = random() % 2 == 0 ? 0 : up_to(3);
        start->push_back(margin == 0 ? 0 : up_to(margin));
        shape->push_back(extent[axis] + margin);
      }
    }
  }
};

}  // namespace

TEST_CASE("a box of any array goes to any place of another", "[reader][chunks]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const RandomBox box(random);
    std::vector<std::uint16_t> from(product(box.source));
    std::iota(from.begin(), from.end(), std::uint16_t{1});
    std::vector<std::uint16_t> copied(product(box.target));
    std::vector<std::uint16_t> filled = copied;
    std::vector<std::uint16_t> wanted_copied = copied;
    std::vector<std::uint16_t> wanted_filled = copied;
    for_each(box.extent, [&](const Extents& at) {
      const std::uint64_t to = offset_of(box.target, box.target_start, at);
      wanted_copied[to] = from[offset_of(box.source, box.source_start, at)];
      wanted_filled[to] = 0x1234;
    });

    copy_box(reinterpret_cast<const std::byte*>(from.data()), {box.source, box.source_start},
             reinterpret_cast<std::byte*>(copied.data()), {box.target, box.target_start},
             box.extent, 2);
    const std::uint16_t fill = 0x1234;
    fill_box(std::as_bytes(std::span(&fill, 1)), reinterpret_cast<std::byte*>(filled.data()),
             {box.target, box.target_start}, box.extent);
    REQUIRE(copied == wanted_copied);
    REQUIRE(filled == wanted_filled);
  }
}

TEST_CASE("an empty box touches nothing", "[reader][chunks]") {
  const Extents shape{2, 0};
  const Extents start{0, 0};
  copy_box(nullptr, {shape, start}, nullptr, {shape, start}, shape, 4);
  fill_box({}, nullptr, {shape, start}, shape);
}

TEST_CASE("the bytes of each unit are reversed", "[reader][chunks]") {
  const std::size_t width = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{4},
                                     std::size_t{8}, std::size_t{16});
  CAPTURE(width);
  std::vector<std::byte> bytes(48);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  swap_bytes(bytes, width);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t unit = width == 0 ? 1 : width;
    const std::size_t from = i / unit * unit + unit - 1 - i % unit;
    REQUIRE(bytes[i] == static_cast<std::byte>(from));
  }
}
