#include <atomic>
#include <latch>
#include <thread>

#include "core/test_point.h"
#include "readers/random/request_pool.h"
#include "tests/readers/random/request_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

// What every kind of dataset promises to requests.

TEST_CASE("a stage serves one request after the other, in random order",
          "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kChunked, Storage::kGzip,
                                  Storage::kByLibrary, Storage::kByLibraryTrusted));
  const Stage stage = fixture.dataset.stage({10});
  CHECK(stage.bytes() == 10 * 40 * 4);
  RandomSelections random(1);
  for (int i = 0; i < 200; ++i) {
    const auto row = static_cast<std::int64_t>(random.below(91));
    auto future = fixture.reader.request(fixture.dataset[rows(row, row + 10)], stage);
    REQUIRE(values_of(future.get()) ==
            hdf5::counting<std::int32_t>(400, static_cast<std::int32_t>(row) * 40));
  }
}

TEST_CASE("the data of a request come as a copy, in a buffer, by a function, as a view",
          "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const Stage stage = fixture.dataset.stage({1});
  const auto request = [&](std::int64_t row) {
    return fixture.reader.request(fixture.dataset[at(row)], stage);
  };
  CHECK(values_of(request(3).get()) == row_of_40(3));

  std::vector<std::int32_t> buffer(40);
  request(4).get_into(std::as_writable_bytes(std::span(buffer)));
  CHECK(buffer == row_of_40(4));

  CHECK(request(5).get_direct([](const StageView& view) { return view.view<std::int32_t>()(7); }) ==
        207);

  auto view = request(6).get_view();
  const auto array = view.view<std::int32_t>();
  CHECK(array.shape() == std::vector<std::uint64_t>{40});
  CHECK(array(1) == 241);
  view.release();
  CHECK_THROWS_AS(view.bytes(), Error);
  CHECK_THROWS_AS(array.data(), Error);

  auto unsafe = request(7);
  CHECK(values_in(unsafe.get_unsafe()) == row_of_40(7));
}

TEST_CASE("data are taken once", "[reader][random][request]") {
  RequestFixture fixture(Storage::kContiguous);
  const Stage stage = fixture.dataset.stage({1});
  auto future = fixture.reader.request(fixture.dataset[at(0)], stage);
  std::vector<std::byte> wrong(3);
  CHECK_THROWS_WITH(future.get_into(wrong), contains("a buffer of 3 bytes for 160 bytes"));
  future.get();
  CHECK_THROWS_WITH(future.get(), contains("taken already"));
  CHECK_THROWS_WITH(future.ready(), contains("taken already"));
}

TEST_CASE("a stage is completed from the dataset, and refuses what does not fit",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kChunked);
  const Dataset& dataset = fixture.dataset;
  CHECK(dataset.stage({}).bytes() == 100 * 40 * 4);
  CHECK(dataset.stage({std::nullopt, 2}).bytes() == 100 * 2 * 4);
  CHECK(dataset.stage({3, 5}).bytes() == 3 * 5 * 4);
  CHECK(dataset.stage(dataset[rows(0, 7)]).bytes() == 7 * 40 * 4);
  CHECK_THROWS_WITH(dataset.stage({1, 1, 1}), contains("3 axes, but the dataset has 2"));
  CHECK_THROWS_AS(dataset.stage({UINT64_MAX}), Error);
  CHECK_THROWS_AS(dataset.stage_pool({1}, 0), Error);
  CHECK_THROWS_WITH(fixture.reader.request(dataset[rows(0, 3)], dataset.stage({2})),
                    contains("480 bytes do not fit into a stage of 320"));
  const StagePool pool = dataset.stage_pool({1}, 2);
  CHECK_THROWS_WITH(fixture.reader.request(dataset[rows(0, 3)], pool), contains("do not fit"));
  CHECK(pool.free_stages() == 2);
}

TEST_CASE("30 stages hold overlapping requests at a time", "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  std::vector<Stage> stages;
  std::vector<Future> futures;
  for (int i = 0; i < 30; ++i) {
    stages.push_back(fixture.dataset.stage({10}));
    futures.push_back(fixture.reader.request(fixture.dataset[rows(2 * i, 2 * i + 10)], stages[i]));
  }
  for (int i = 29; i >= 0; --i) {
    REQUIRE(values_of(futures[i].get()) == hdf5::counting<std::int32_t>(400, 80 * i));
  }
}

TEST_CASE("a request waits for the one before it to let go of the stage",
          "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const Stage stage = fixture.dataset.stage({1});
  auto first = fixture.reader.request(fixture.dataset[at(1)], stage);
  auto second = fixture.reader.request(fixture.dataset[at(2)], stage);
  auto third = fixture.reader.request(fixture.dataset[at(3)], stage);
  const auto view = first.get_view();
  CHECK_FALSE(second.ready());
  CHECK_FALSE(second.wait_for(std::chrono::milliseconds(1)));
  second.cancel();
  CHECK(code_of(second) == ErrorCode::kCancelled);
  CHECK(values_in(view.bytes()) == row_of_40(1));
  std::thread([&] { StageView moved = std::move(const_cast<StageView&>(view)); }).join();
  CHECK(values_of(third.get()) == row_of_40(3));
}

TEST_CASE("a future that is dropped gives its stage back", "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const StagePool pool = fixture.dataset.stage_pool({10}, 1);
  for (int i = 0; i < 50; ++i) {
    const auto dropped = fixture.reader.request(fixture.dataset[rows(i, i + 10)], pool);
  }
  CHECK(values_of(fixture.reader.request(fixture.dataset[at(9)], pool).get()) == row_of_40(9));
  CHECK(pool.free_stages() == 1);
}

TEST_CASE("a pool without a free stage makes requests wait, with a limit if asked",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kGzip);
  const StagePool pool = fixture.dataset.stage_pool({1}, 2);
  auto one = fixture.reader.request(fixture.dataset[at(1)], pool);
  auto two = fixture.reader.request(fixture.dataset[at(2)], pool);
  try {
    const auto none =
        fixture.reader.request(fixture.dataset[at(3)], pool, std::chrono::milliseconds(1));
    FAIL("a stage too many");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kTimeout);
  }
  std::thread consumer([&] { one.get(); });
  auto three = fixture.reader.request(fixture.dataset[at(3)], pool);
  consumer.join();
  CHECK(values_of(three.get()) == row_of_40(3));
  CHECK(values_of(two.get()) == row_of_40(2));
}

TEST_CASE("a request pool returns futures in the order of their requests",
          "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const StagePool stages = fixture.dataset.stage_pool({1}, 10);
  RequestPool requests;
  std::thread loader([&] {
    for (std::int64_t row = 0; row < 100; ++row) {
      requests.add(fixture.reader.request(fixture.dataset[rows(row, row + 1)], stages));
    }
    requests.close();
  });
  std::int32_t row = 0;
  bool right = true;
  while (auto future = requests.next()) right &= values_of(future->get()) == row_of_40(row++);
  loader.join();
  CHECK(right);
  CHECK(row == 100);
  CHECK_FALSE(requests.next());
  CHECK_THROWS_AS(requests.add(Future()), Error);
  RequestPool empty;
  CHECK_THROWS_AS(empty.next_for(std::chrono::milliseconds(1)), Error);
}

TEST_CASE("many selections are requested at once, no more than there are stages",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kGzip);
  const StagePool pool = fixture.dataset.stage_pool({1}, 8);
  std::vector<Request> wanted;
  for (std::int64_t row = 0; row < 8; ++row) wanted.push_back(fixture.dataset[at(row * 11)]);
  auto futures = fixture.reader.request(wanted, pool);
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(values_of(futures[i].get()) == row_of_40(11 * as_row(i)));
  }
  wanted.push_back(fixture.dataset[at(0)]);
  CHECK_THROWS_WITH(fixture.reader.request(wanted, pool), contains("the pool has 8 stages"));
  CHECK(pool.free_stages() == 8);
}

TEST_CASE("a request is reported ready, once", "[reader][random][request]") {
  RequestFixture fixture(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary,
                                  Storage::kByLibraryTrusted));
  const Stage stage = fixture.dataset.stage({1});
  std::latch reported(1);
  auto future =
      fixture.reader.request(fixture.dataset[at(1)], stage, [&] { reported.count_down(); });
  reported.wait();
  CHECK(future.ready());
  CHECK(values_of(future.get()) == row_of_40(1));
}

TEST_CASE("a chunk that several requests want is decoded once", "[reader][random][request]") {
  static std::atomic<int> decodings{0};
  decodings = 0;
  RequestFixture fixture(Storage::kGzip, {.threads = 3});
  const StagePool pool = fixture.dataset.stage_pool({1}, 40);
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) == "chunk.decoding") ++decodings;
  };
  std::vector<Future> futures;
  for (std::int64_t row = 0; row < 40; ++row) {
    futures.push_back(fixture.reader.request(fixture.dataset[at(row)], pool));
  }
  for (std::size_t row = 0; row < 40; ++row) {
    REQUIRE(values_of(futures[row].get()) == row_of_40(as_row(row)));
  }
  fixture.reader.close();
  test_point_hook = nullptr;
  CHECK(decodings == 5);
}

TEST_CASE("a long request does not keep short ones waiting", "[reader][random][request]") {
  const TemporaryFolder folder;
  Reader reader(counting_file(folder, {4000, 400}, creation_of(Storage::kGzip, {8, 400})),
                {.threads = 1, .chunk_cache_bytes = 0});
  const Dataset dataset = reader.dataset("/x");
  const Stage long_stage = dataset.stage({4000});
  const Stage short_stage = dataset.stage({1});
  static std::atomic<bool> waits{false};
  static std::latch* started = nullptr;
  static std::latch* goes_on = nullptr;
  std::latch met(1);
  std::latch go(1);
  started = &met;
  goes_on = &go;
  waits = true;
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) != "chunk.decoding" || !waits.exchange(false)) return;
    started->count_down();
    goes_on->wait();
  };
  std::atomic<int> order{0};
  std::atomic<int> long_place{0};
  std::atomic<int> short_place{0};
  std::latch both(2);
  auto all = reader.request(dataset[{}], long_stage, [&] {
    long_place = ++order;
    both.count_down();
  });
  met.wait();
  auto one = reader.request(dataset[at(3)], short_stage, [&] {
    short_place = ++order;
    both.count_down();
  });
  go.count_down();
  both.wait();
  test_point_hook = nullptr;
  CHECK(short_place == 1);
  CHECK(long_place == 2);
  CHECK(values_of(all.get()) == hdf5::counting(4000 * 400));
  CHECK(values_of(one.get()) == hdf5::counting<std::int32_t>(400, 1200));
}

TEST_CASE("chunks that are read ahead are there when they are wanted",
          "[reader][random][request]") {
  static std::atomic<int> decodings{0};
  decodings = 0;
  RequestFixture fixture(Storage::kGzip, {.chunk_cache_bytes = 3 * 8 * 160});
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) != "chunk.decoding") return;
    ++decodings;
    decodings.notify_all();
  };
  // Three chunks, for the first two; the third would find no room beside them.
  const std::vector<Request> soon{fixture.dataset[at(3)], fixture.dataset[rows(30, 34)],
                                  fixture.dataset[at(90)]};
  fixture.reader.readahead(soon);
  for (int so_far = 0; so_far < 3; so_far = decodings) decodings.wait(so_far);
  CHECK(values_of(soon[0].read()) == row_of_40(3));
  CHECK(values_of(soon[1].read()) == hdf5::counting<std::int32_t>(160, 1200));
  CHECK(decodings == 3);
  CHECK(values_of(soon[2].read()) == row_of_40(90));
  CHECK(decodings == 4);
  fixture.reader.close();
  test_point_hook = nullptr;
}
