#include <algorithm>
#include <latch>
#include <thread>
#include <vector>

#include "core/test_point.h"
#include "tests/readers/random/request_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

// Who does the work of a request, and in which order.

namespace {

struct Decoding {
  std::uint64_t chunk;
  std::thread::id thread;
};

// Notes down which chunks are decoded by whom; the first decoding is held until it is let go, if
// that is asked for.
class WatchedDecodings {
 public:
  explicit WatchedDecodings(bool hold_first = false) : held_(hold_first) {
    current = this;
    test_point_hook = [](const char* name, std::uint64_t chunk) {
      if (std::string_view(name) == "chunk.decoding") current->meet(chunk);
    };
  }
  WatchedDecodings(const WatchedDecodings&) = delete;
  WatchedDecodings& operator=(const WatchedDecodings&) = delete;
  ~WatchedDecodings() { test_point_hook = nullptr; }

  void wait_until_met() { met_.wait(); }
  void let_go() {
    held_ = false;
    held_.notify_all();
  }
  std::vector<Decoding> so_far() {
    const std::lock_guard lock(mutex_);
    return decodings_;
  }

 private:
  void meet(std::uint64_t chunk) {
    bool is_first = false;
    {
      const std::lock_guard lock(mutex_);
      is_first = decodings_.empty();
      decodings_.push_back({chunk, std::this_thread::get_id()});
    }
    if (!is_first) return;
    met_.count_down();
    held_.wait(true);
  }

  static inline WatchedDecodings* current = nullptr;
  std::mutex mutex_;
  std::vector<Decoding> decodings_;
  std::latch met_{1};
  std::atomic<bool> held_;
};

// Counting int32 of 104 x 40 in gzip'd chunks of eight rows, of which the last lies first.
std::string reversed_file(const TemporaryFolder& folder) {
  const std::string path = folder.file("reversed.h5");
  H5::H5File file(path, H5F_ACC_TRUNC);
  const hsize_t shape[] = {104, 40};
  const H5::DataSpace space(2, shape);
  const auto dataset = file.createDataSet("/x", H5::PredType::STD_I32LE, space,
                                          creation_of(Storage::kGzip, {8, 40}));
  const hsize_t extent[] = {8, 40};
  const H5::DataSpace memory(2, extent);
  for (std::int32_t row = 96; row >= 0; row -= 8) {
    const hsize_t start[] = {static_cast<hsize_t>(row), 0};
    space.selectHyperslab(H5S_SELECT_SET, extent, start);
    const auto values = hdf5::counting<std::int32_t>(320, row * 40);
    dataset.write(values.data(), H5::PredType::NATIVE_INT32, memory, space);
    file.flush(H5F_SCOPE_LOCAL);
  }
  return path;
}

}  // namespace

TEST_CASE("who waits for a request that nobody has begun does it itself",
          "[reader][random][request]") {
  RequestFixture fixture(Storage::kGzip, {.threads = 1});
  const StagePool pool = fixture.dataset.stage_pool({1}, 2);
  WatchedDecodings decodings(true);
  auto held = fixture.reader.request(fixture.dataset[at(1)], pool);
  decodings.wait_until_met();  // the only thread there is
  auto other = fixture.reader.request(fixture.dataset[at(50)], pool);
  CHECK(values_of(other.get()) == row_of_40(50));
  decodings.let_go();
  CHECK(values_of(held.get()) == row_of_40(1));
  const auto seen = decodings.so_far();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].thread != std::this_thread::get_id());
  CHECK(seen[1].thread == std::this_thread::get_id());
  fixture.reader.close();
}

TEST_CASE("boxes of a request are read in the order of their addresses",
          "[reader][random][request]") {
  const TemporaryFolder folder;
  const std::string path = reversed_file(folder);
  Reader reader(path, {.threads = 1});
  const Dataset dataset = reader.dataset("/x");
  const Stage stage = dataset.stage({});
  WatchedDecodings decodings;
  std::latch done(1);
  auto all = reader.request(dataset[{}], stage, [&] { done.count_down(); });
  done.wait();  // without taking part
  CHECK(values_of(all.get()) == hdf5::counting(104 * 40));
  const auto chunks = hdf5::Dataset(path, "/x").storage_map().chunks;
  std::vector<std::uint64_t> addresses;
  for (const Decoding& decoding : decodings.so_far()) {
    addresses.push_back(chunks[decoding.chunk].address);
  }
  CHECK(addresses.size() == 13);
  CHECK(std::is_sorted(addresses.begin(), addresses.end()));
  CHECK(chunks[0].address > chunks[12].address);
  reader.close();
}
