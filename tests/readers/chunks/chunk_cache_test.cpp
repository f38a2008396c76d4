#include "readers/chunks/chunk_cache.h"

#include <algorithm>
#include <thread>

#include "tests/support/catch.h"

using namespace h5flume::chunks;

namespace {

constexpr std::size_t kChunkBytes = 8;
constexpr std::uint64_t kChunkRows = 4;
constexpr ChunkCache::Range kNoneNeeded{0, 0};

void fill(const ChunkCache::DecodingTask& task, std::uint64_t chunk) {
  std::fill(task.bytes().begin(), task.bytes().end(), static_cast<std::byte>(chunk));
}

void decode(ChunkCache& cache, std::uint64_t chunk) {
  auto found = cache.find(chunk, kChunkRows, kNoneNeeded);
  REQUIRE(found.task);
  fill(*found.task, chunk);
  const auto lease = std::move(*found.task).publish();
}

bool is_there(ChunkCache& cache, std::uint64_t chunk) {
  const auto found = cache.find(chunk, kChunkRows, kNoneNeeded);
  return found.decoded && *found.decoded->data() == static_cast<std::byte>(chunk);
}

}  // namespace

TEST_CASE("one reader decodes a chunk, and those that follow find it", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 100);
  auto first = cache.find(7, kChunkRows, kNoneNeeded);
  REQUIRE(first.task);
  CHECK(cache.find(7, kChunkRows, kNoneNeeded).busy);
  fill(*first.task, 7);
  const auto lease = std::move(*first.task).publish();
  CHECK(*lease.data() == std::byte{7});
  CHECK(is_there(cache, 7));
}

TEST_CASE("a chunk goes when all of its rows have been used", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 100);
  decode(cache, 7);
  for (std::uint64_t rows = 0; rows < kChunkRows; ++rows) {
    auto found = cache.find(7, kChunkRows, kNoneNeeded);
    REQUIRE(found.decoded);
    std::move(*found.decoded).use(1);
  }
  CHECK(cache.kept_bytes() == 0);
}

TEST_CASE("a chunk stays while somebody reads it, though its rows are used",
          "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 100);
  decode(cache, 7);
  {
    const auto slow = cache.find(7, kChunkRows, kNoneNeeded);
    std::move(*cache.find(7, kChunkRows, kNoneNeeded).decoded).use(kChunkRows);
    CHECK(*slow.decoded->data() == std::byte{7});
    CHECK(cache.kept_bytes() == kChunkBytes);
  }
  CHECK(cache.kept_bytes() == 0);
}

TEST_CASE("who is to decode a chunk and fails leaves it to the next", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 100);
  { const auto failed = cache.find(7, kChunkRows, kNoneNeeded); }
  CHECK(cache.kept_bytes() == 0);
  decode(cache, 7);
  CHECK(is_there(cache, 7));
}

TEST_CASE("a full cache drops what was used longest ago, and what is needed never",
          "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 3 * kChunkBytes + 1);
  for (const std::uint64_t chunk : {1, 2, 3}) decode(cache, chunk);
  CHECK(is_there(cache, 1));
  CHECK_FALSE(cache.try_begin(4, kChunkRows));
  { const auto found = cache.find(4, kChunkRows, {2, 3}); }
  CHECK(is_there(cache, 1));
  CHECK(is_there(cache, 2));
  CHECK(cache.kept_bytes() == 2 * kChunkBytes);

  decode(cache, 5);
  const auto held = cache.find(1, kChunkRows, kNoneNeeded);
  const auto none = cache.find(6, kChunkRows, {2, 6});
  CHECK_FALSE(none.decoded);
  CHECK_FALSE(none.task);
  CHECK_FALSE(none.busy);
}

TEST_CASE("a cache smaller than a chunk keeps nothing", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, kChunkBytes - 1);
  CHECK_FALSE(cache.find(0, kChunkRows, kNoneNeeded).task);
  CHECK_FALSE(cache.try_begin(0, kChunkRows));
}

TEST_CASE("readers wait for the one that decodes, also when it fails", "[reader][chunks][cache]") {
  ChunkCache cache(kChunkBytes, 100);
  const bool fails = GENERATE(false, true);
  std::optional<ChunkCache::DecodingTask> task(
      std::move(cache.find(7, kChunkRows, kNoneNeeded).task));
  std::vector<int> tasks(4);
  std::vector<int> leases(4);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < 4; ++i) {
    readers.emplace_back([&, i] {
      auto found = cache.wait_and_find(7, kChunkRows, kNoneNeeded);
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
