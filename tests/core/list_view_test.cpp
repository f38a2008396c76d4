#include "core/list_view.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "core/list_writer.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"

using namespace h5flume;
using h5flume::test::bytes_of;
using h5flume::test::contains;

namespace {

std::vector<std::byte> written(const std::vector<std::string>& texts, std::size_t value_bytes = 1) {
  std::vector<std::byte> memory(1000);
  ListWriter writer(memory, texts.size(), value_bytes);
  for (const std::string& text : texts) writer.append(bytes_of(text));
  REQUIRE(writer.fits());
  memory.resize(writer.needed_bytes());
  return memory;
}

StringsView view_of(const std::vector<std::byte>& memory, std::uint64_t count,
                    std::shared_ptr<const Lease> lease = nullptr) {
  return StringsView(ListLayout(std::move(lease), memory, count, 1));
}

}  // namespace

TEST_CASE("strings come back as they were written", "[core][lists]") {
  const auto memory = written({"one", "", "three"});
  const auto view = view_of(memory, 3);
  CHECK(view.size() == 3);
  CHECK(view[0] == "one");
  CHECK(view[1].empty());
  CHECK(view[2] == "three");
  CHECK(view.values() == "onethree");
  const auto offsets = view.offsets();
  CHECK(std::vector<std::int64_t>(offsets.begin(), offsets.end()) ==
        std::vector<std::int64_t>{0, 3, 3, 8});
  CHECK(memory.size() == 4 * 8 + 8);
  CHECK_THROWS_WITH(view[3], contains("element 3 of a block of 3 elements"));
}

TEST_CASE("offsets of lists count values", "[core][lists]") {
  const auto memory = written({"abcd", "", "efghijkl"}, 4);
  const ListsView<std::uint32_t> view(ListLayout(nullptr, memory, 3, 4));
  CHECK(view.offsets()[3] == 3);
  CHECK(view[2].size() == 2);
  CHECK(view.values().size() == 3);
  const ListsView<std::byte> bytes(ListLayout(nullptr, memory, 3, 4));
  CHECK(bytes[2].size() == 8);
  CHECK(bytes.offsets()[3] == 3);
}

TEST_CASE("no elements are a view of nothing", "[core][lists]") {
  CHECK(view_of({}, 0).size() == 0);
  CHECK(view_of(written({}), 0).offsets().size() == 1);
}

TEST_CASE("a writer without enough memory counts what would have been enough", "[core][lists]") {
  std::vector<std::byte> memory(40, std::byte{7});
  ListWriter writer({memory.data(), 30}, 2, 1);
  writer.append(bytes_of("12345"));
  CHECK(writer.fits());
  writer.append(bytes_of("67"));
  CHECK_FALSE(writer.fits());
  CHECK(writer.needed_bytes() == 31);
  CHECK(std::all_of(memory.begin() + 30, memory.end(), [](auto b) { return b == std::byte{7}; }));
  CHECK_THROWS_AS(writer.append(bytes_of("more")), Error);
  writer.give_up(UINT64_MAX);
  CHECK(writer.needed_bytes() == UINT64_MAX);
}

TEST_CASE("a writer refuses a part of a value and a count beyond all memory", "[core][lists]") {
  std::vector<std::byte> memory(40);
  ListWriter writer(memory, 2, 4);
  CHECK_THROWS_AS(writer.append(bytes_of("123")), Error);
  CHECK_FALSE(ListWriter(memory, UINT64_MAX, 4).fits());
  CHECK_FALSE(ListWriter({}, 0, 4).fits());
}

TEST_CASE("offsets that contradict themselves are refused, never followed", "[core][lists]") {
  auto memory = written({"one", "two"});
  const auto set = [&](std::size_t index, std::int64_t offset) {
    std::memcpy(memory.data() + index * sizeof offset, &offset, sizeof offset);
  };
  SECTION("before there is a view") {
    const auto [index, offset] =
        GENERATE(table<std::size_t, std::int64_t>({{0, 1}, {1, 7}, {1, -1}, {2, 5}, {2, 1 << 20}}));
    set(index, offset);
    CHECK_THROWS_WITH(view_of(memory, 2), contains("offsets contradict themselves"));
  }
  SECTION("while there is one") {
    const auto view = view_of(memory, 2);
    set(1, GENERATE(-1, 100));
    CHECK_THROWS_AS(view[0], Error);
    CHECK_THROWS_AS(view[1], Error);
  }
  SECTION("for more elements than there are") { CHECK_THROWS_AS(view_of(memory, 9), Error); }
}

TEST_CASE("a view of elements expires with its lease", "[core][lists]") {
  const auto memory = written({"one"});
  const auto lease = std::make_shared<Lease>();
  const auto view = view_of(memory, 1, lease);
  CHECK(view[0] == "one");
  lease->end();
  CHECK_THROWS_WITH(view[0], contains("reservation has been released"));
  CHECK_THROWS_AS(view.values(), Error);
  CHECK_THROWS_AS(view.offsets(), Error);
  CHECK_THROWS_AS(view_of(memory, 1, lease), Error);
}
