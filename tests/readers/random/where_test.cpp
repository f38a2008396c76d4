#include <atomic>

#include "core/test_point.h"
#include "tests/readers/random/random_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct Event {
  std::int32_t number;
  std::int16_t kind;
  double energy;
};

std::string events_file(const TemporaryFolder& folder, Storage storage) {
  H5::CompType event(sizeof(Event));
  event.insertMember("number", offsetof(Event, number), H5::PredType::NATIVE_INT32);
  event.insertMember("kind", offsetof(Event, kind), H5::PredType::NATIVE_INT16);
  event.insertMember("energy", offsetof(Event, energy), H5::PredType::NATIVE_DOUBLE);
  std::vector<Event> events;
  for (int i = 0; i < 1000; ++i) events.push_back({i, static_cast<std::int16_t>(i % 7), i / 4.0});
  const std::string path = folder.file("events.h5");
  H5::H5File file(path, H5F_ACC_TRUNC);
  hdf5::write_dataset(file, "/t", {1000}, events, event, event, creation_of(storage, {64}));
  return path;
}

}  // namespace

TEST_CASE("a condition is a selection like any other", "[reader][random][condition]") {
  const TemporaryFolder folder;
  const bool direct = GENERATE(true, false);
  Reader reader(events_file(folder, GENERATE(Storage::kContiguous, Storage::kGzip)),
                {.direct = direct});
  const Dataset table = reader.dataset("/t");
  const Selection chosen = table.where("(kind == 3) & (energy >= 200)");
  std::vector<std::int32_t> numbers;
  for (std::int32_t i = 0; i < 1000; ++i) {
    if (i % 7 == 3 && i / 4.0 >= 200) numbers.push_back(i);
  }
  REQUIRE(numbers.size() > 20);
  CHECK(values_of(table[field("number")][chosen].read()) == numbers);
  CHECK(values_of(table[chosen][at(-1)][field("number")].read()) ==
        std::vector<std::int32_t>{numbers.back()});
  CHECK(table[table.where("energy < 0")].shape() == std::vector<std::uint64_t>{0});
  CHECK_THROWS_WITH(table.where("colour == 3"), contains("colour"));
}

TEST_CASE("a stream of a reader's dataset uses the chunks that requests have decoded",
          "[reader][random][stream]") {
  static std::atomic<int> decodings{0};
  decodings = 0;
  const TemporaryFolder folder;
  Reader reader(counting_file(folder, Storage::kGzip));
  const Dataset dataset = reader.dataset("/x");
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) == "chunk.decoding") ++decodings;
  };
  CHECK(values_of(dataset.read(select(all(), at(0)))).size() == 100);
  CHECK(decodings == 13);
  const std::int64_t block_rows = GENERATE(3, 8, 20);
  std::vector<std::int32_t> values;
  for (const Block& block : dataset.queue(
           {.ordered = true, .remainder = true, .workers = 2, .block_rows = block_rows})) {
    const auto rows = block.view<std::int32_t>().span();
    values.insert(values.end(), rows.begin(), rows.end());
  }
  test_point_hook = nullptr;
  CHECK(values == hdf5::counting(4000));
  CHECK(decodings == 13);
}
