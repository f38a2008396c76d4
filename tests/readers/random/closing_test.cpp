#include <atomic>
#include <latch>
#include <thread>

#include "tests/readers/random/request_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

// How requests end that nobody waits for any more, and readers with them.

TEST_CASE("a cancelled request ends with that, whether it was begun or not",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kGzip, {.threads = 1});
  const Stage first_stage = fixture.dataset.stage({100});
  const Stage second_stage = fixture.dataset.stage({100});
  HeldDecoding held;
  auto begun = fixture.reader.request(fixture.dataset[{}], first_stage);
  held.wait_until_met();
  auto not_begun = fixture.reader.request(fixture.dataset[{}], second_stage);
  not_begun.cancel();
  CHECK(code_of(not_begun) == ErrorCode::kCancelled);
  begun.cancel();
  CHECK_FALSE(begun.ready());
  held.let_go();
  CHECK(code_of(begun) == ErrorCode::kCancelled);
  CHECK(code_of(begun) == ErrorCode::kCancelled);
  CHECK(values_of(fixture.reader.request(fixture.dataset[at(1)], first_stage).get()) ==
        row_of_40(1));
}

TEST_CASE("closing ends what was not begun, and data that are ready stay",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kGzip, {.threads = 1});
  const StagePool pool = fixture.dataset.stage_pool({100}, 3);
  auto ready = fixture.reader.request(fixture.dataset[at(5)], pool);
  ready.wait();
  {
    HeldDecoding held;
    auto begun = fixture.reader.request(fixture.dataset[{}], pool);
    held.wait_until_met();
    auto not_begun = fixture.reader.request(fixture.dataset[{}], pool);
    fixture.reader.close(false);
    held.let_go();
    CHECK(code_of(begun) == ErrorCode::kCancelled);
    CHECK(code_of(not_begun) == ErrorCode::kCancelled);
  }
  fixture.reader.close();
  CHECK(values_of(ready.get()) == row_of_40(5));
  CHECK_THROWS_WITH(fixture.dataset.read(at(1)), contains("the reader is closed"));
  CHECK_THROWS_WITH(fixture.reader.request(fixture.dataset[at(1)], pool),
                    contains("the reader is closed"));
  CHECK_THROWS_WITH(fixture.reader.dataset("/x"), contains("the reader is closed"));
}

TEST_CASE("closing ends requests that wait for their stage", "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const Stage stage = fixture.dataset.stage({1});
  auto first = fixture.reader.request(fixture.dataset[at(1)], stage);
  const auto view = first.get_view();
  auto second = fixture.reader.request(fixture.dataset[at(2)], stage);
  auto third = fixture.reader.request(fixture.dataset[at(3)], stage);
  fixture.reader.close();
  CHECK(code_of(second) == ErrorCode::kCancelled);
  CHECK(values_in(view.bytes()) == row_of_40(1));
  CHECK(code_of(third) == ErrorCode::kCancelled);
}

TEST_CASE("a reader goes with requests in flight, and futures outlive it",
          "[reader][random][request]") {
  const TemporaryFolder folder;
  const auto storage = GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                Storage::kByLibraryTrusted);
  const std::string path = counting_file(folder, storage);
  for (int i = 0; i < 20; ++i) {
    std::optional<Reader> reader(reader_of(path, storage));
    const Dataset dataset = reader->dataset("/x");
    const StagePool pool = dataset.stage_pool({100}, 5);
    std::vector<Future> futures;
    for (int k = 0; k < 5; ++k) futures.push_back(reader->request(dataset[{}], pool));
    reader.reset();
    for (Future& future : futures) {
      REQUIRE(future.ready());
      const auto values = values_unless_cancelled(future);
      REQUIRE((!values || *values == hdf5::counting(4000)));
    }
  }
}

TEST_CASE("threads issue, cancel, drop and wait at the same time until the reader is closed",
          "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kChunked, Storage::kGzip,
                                  Storage::kByLibrary, Storage::kByLibraryTrusted),
                         {.threads = 2, .chunk_cache_bytes = 4 * 8 * 160});
  const StagePool pool = fixture.dataset.stage_pool({10}, 6);
  std::atomic<int> served{0};
  std::atomic<bool> right{true};
  const auto client = [&](std::uint64_t seed) {
    RandomSelections random(seed);
    try {
      for (;;) {
        const std::uint64_t row = random.below(91);
        const auto first = static_cast<std::int64_t>(row);
        auto future = fixture.reader.request(fixture.dataset[rows(first, first + 10)], pool);
        switch (random.below(6)) {
          case 0:
            future.cancel();
            break;
          case 1:
            continue;  // dropped
          case 2:
            if (!future.wait_for(std::chrono::microseconds(random.below(200)))) continue;
            break;
          default:
            break;
        }
        if (const auto values = values_unless_cancelled(future)) {
          if (*values != hdf5::counting<std::int32_t>(400, as_row(row) * 40)) right = false;
          ++served;
          served.notify_all();
        }
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCancelled) right = false;
    }
  };
  std::vector<std::thread> clients;
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  for (std::uint64_t i = 0; i < 4; ++i) clients.emplace_back(client, seed + i);
  for (int before = served; before < 500; before = served) served.wait(before);
  fixture.reader.close();
  for (auto& thread : clients) thread.join();
  CHECK(right);
  CHECK(pool.free_stages() == 6);
}

TEST_CASE("closing ends the waiting for a stage of a pool", "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip));
  const StagePool pool = fixture.dataset.stage_pool({1}, 1);
  const auto holding = fixture.reader.request(fixture.dataset[at(1)], pool);
  holding.wait();  // what closing cancels would give its stage back
  std::latch asks(1);
  std::optional<ErrorCode> code;
  std::thread waiting([&] {
    asks.count_down();
    try {
      const auto never = fixture.reader.request(fixture.dataset[at(2)], pool);
    } catch (const Error& error) {
      code = error.code();
    }
  });
  asks.wait();
  fixture.reader.close();
  waiting.join();
  CHECK(code == ErrorCode::kCancelled);
}
