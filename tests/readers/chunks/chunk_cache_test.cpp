#include "readers/chunks/chunk_cache.h"

#include <algorithm>
#include <thread>

#include "tests/support/catch.h"

using namespace h5flume::chunks;

namespace {

constexpr std::size_t kChunkBytes = 8;
constexpr std::uint64_t kChunkRows = 4;
const int kDataset = 0;

ChunkCache::Wanted wanted(std::uint64_t chunk, const void* dataset = &kDataset) {
  return {dataset, chunk, kChunkBytes, kChunkRows};
}

void fill(const ChunkCache::DecodingTask& task, std::uint64_t chunk) {
  std::fill(task.bytes().begin(), task.bytes().end(), static_cast<std::byte>(chunk));
}

void decode(ChunkCache& cache, std::uint64_t chunk) {
  auto found = cache.find(wanted(chunk));
  REQUIRE(found.task);
  fill(*found.task, chunk);
  const auto lease = std::move(*found.task).publish();
}

bool is_there(ChunkCache& cache, std::uint64_t chunk) {
  const auto found = cache.find(wanted(chunk));
  return found.decoded && *found.decoded->data() == static_cast<std::byte>(chunk);
}

}  // namespace

TEST_CASE("one reader decodes a chunk, and those that follow find it", "[reader][chunks][cache]") {
  ChunkCache cache(100);
  auto first = cache.find(wanted(7));
  REQUIRE(first.task);
  CHECK(cache.find(wanted(7)).busy);
  fill(*first.task, 7);
  const auto lease = std::move(*first.task).publish();
  CHECK(*lease.data() == std::byte{7});
  CHECK(is_there(cache, 7));
}

TEST_CASE("a chunk goes when all of its rows have been used", "[reader][chunks][cache]") {
  ChunkCache cache(100);
  decode(cache, 7);
  for (std::uint64_t rows = 0; rows < kChunkRows; ++rows) {
    auto found = cache.find(wanted(7));
    REQUIRE(found.decoded);
    std::move(*found.decoded).use(1);
  }
  CHECK(cache.kept_bytes() == 0);
}

TEST_CASE("a chunk that has gone is not decoded ahead, until a pass begins that wants it",
          "[reader][chunks][cache]") {
  ChunkCache cache(100);
  for (const std::uint64_t chunk : {6, 7}) {
    decode(cache, chunk);
    std::move(*cache.find(wanted(chunk)).decoded).use(kChunkRows);
  }
  CHECK(cache.try_begin(wanted(8)));
  CHECK_FALSE(cache.try_begin(wanted(7)));
  decode(cache, 6);
  CHECK(cache.try_begin(wanted(7)));
}

TEST_CASE("a chunk stays while somebody reads it, though its rows are used",
          "[reader][chunks][cache]") {
  ChunkCache cache(100);
  decode(cache, 7);
  {
    const auto slow = cache.find(wanted(7));
    std::move(*cache.find(wanted(7)).decoded).use(kChunkRows);
    CHECK(*slow.decoded->data() == std::byte{7});
    CHECK(cache.kept_bytes() == kChunkBytes);
  }
  CHECK(cache.kept_bytes() == 0);
}

TEST_CASE("who is to decode a chunk and fails leaves it to the next", "[reader][chunks][cache]") {
  ChunkCache cache(100);
  { const auto failed = cache.find(wanted(7)); }
  CHECK(cache.kept_bytes() == 0);
  decode(cache, 7);
  CHECK(is_there(cache, 7));
}

TEST_CASE("a full cache drops what was used longest ago, and what is needed never",
          "[reader][chunks][cache]") {
  ChunkCache cache(3 * kChunkBytes + 1);
  for (const std::uint64_t chunk : {1, 2, 3}) decode(cache, chunk);
  CHECK(is_there(cache, 1));
  CHECK_FALSE(cache.try_begin(wanted(4)));
  { const auto found = cache.find(wanted(4), {2, 3}); }
  CHECK(is_there(cache, 1));
  CHECK(is_there(cache, 2));
  CHECK(cache.kept_bytes() == 2 * kChunkBytes);

  decode(cache, 5);
  const auto held = cache.find(wanted(1));
  const auto none = cache.find(wanted(6), {2, 6});
  CHECK_FALSE(none.decoded);
  CHECK_FALSE(none.task);
  CHECK_FALSE(none.busy);
}

TEST_CASE("a cache smaller than a chunk keeps nothing", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes - 1);
  CHECK_FALSE(cache.find(wanted(0)).task);
  CHECK_FALSE(cache.try_begin(wanted(0)));
}

TEST_CASE("readers wait for the one that decodes, also when it fails", "[reader][chunks][cache]") {
  ChunkCache cache(100);
  const bool fails = GENERATE(false, true);
  std::optional<ChunkCache::DecodingTask> task(std::move(cache.find(wanted(7)).task));
  std::vector<int> tasks(4);
  std::vector<int> leases(4);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 4; ++i) {
    readers.emplace_back([&, i] {
      auto found = cache.wait_and_find(wanted(7));
      if (found.task) {
        ++tasks[i];
        fill(*found.task, 7);
        std::move(*found.task).publish().use(1);
      } else if (found.decoded && *found.decoded->data() == std::byte{7}) {
        ++leases[i];
        std::move(*found.decoded).use(1);
      }
    });
  }
  if (!fails) {
    fill(*task, 7);
    const auto lease = std::move(*task).publish();
  }
  task.reset();
  for (auto& reader : readers) reader.join();
  CHECK(std::count(tasks.begin(), tasks.end(), 1) == (fails ? 1 : 0));
  CHECK(std::count(leases.begin(), leases.end(), 1) == (fails ? 3 : 4));
  CHECK(cache.kept_bytes() == 0);
}

TEST_CASE("datasets share a cache, and each has its own chunk 0", "[reader][chunks][cache]") {
  ChunkCache cache(5 * kChunkBytes);
  const int other = 0;
  decode(cache, 0);
  const auto task = cache.find({&other, 0, 3 * kChunkBytes}).task;
  REQUIRE(task);
  CHECK(task->bytes().size() == 3 * kChunkBytes);
  CHECK(cache.kept_bytes() == 4 * kChunkBytes);
  CHECK(is_there(cache, 0));
}

TEST_CASE("a large chunk displaces as many small ones as it takes", "[reader][chunks][cache]") {
  ChunkCache cache(4 * kChunkBytes);
  for (const std::uint64_t chunk : {1, 2, 3, 4}) decode(cache, chunk);
  const int other = 0;
  {
    const auto large = cache.find({&other, 0, 3 * kChunkBytes});
    CHECK(large.task);
  }
  CHECK(is_there(cache, 4));
  CHECK(cache.kept_bytes() == kChunkBytes);
  CHECK_FALSE(cache.find({&other, 0, 5 * kChunkBytes}).task);
  CHECK(is_there(cache, 4));
}

TEST_CASE("a chunk that may always be wanted again stays whatever is used of it",
          "[reader][chunks][cache]") {
  ChunkCache cache(100);
  auto task = cache.find({&kDataset, 7, kChunkBytes}).task;
  REQUIRE(task);
  std::move(*task).publish().use(1000);
  CHECK_FALSE(cache.find_decoded(&kDataset, 8));
  CHECK(cache.find_decoded(&kDataset, 7));
}
