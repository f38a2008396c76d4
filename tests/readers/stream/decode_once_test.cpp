#include <atomic>
#include <cstring>
#include <vector>

#include "core/test_point.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

std::vector<std::atomic<int>> decodings(64);

void count_decoding(const char* name, std::uint64_t chunk) {
  if (std::strcmp(name, "chunk.decoding") == 0) ++decodings.at(chunk);
}

// Counts how often each chunk is decoded, by threads of this process.
class CountDecodings {
 public:
  CountDecodings() {
    for (auto& count : decodings) count = 0;
    test_point_hook = count_decoding;
  }
  CountDecodings(const CountDecodings&) = delete;
  CountDecodings& operator=(const CountDecodings&) = delete;
  ~CountDecodings() { test_point_hook = nullptr; }

  bool all(int wanted, std::uint64_t chunks) const {
    for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
      if (decodings[chunk] != wanted) return false;
    }
    return true;
  }
};

constexpr std::uint64_t kRowsPerChunk = 16;
constexpr std::uint64_t kChunks = kRows / kRowsPerChunk;

}  // namespace

TEST_CASE("a chunk is decoded once in a pass, however blocks lie", "[reader][stream][chunks]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("t.h5");
  write_table(file, "/t", {.rows = kRows, .columns = 8, .chunk_rows = kRowsPerChunk, .gzip = true});
  const std::int64_t block_rows = GENERATE(1, 3, 16, 17, 25, 80, 400);
  const unsigned workers = GENERATE(1, 2, 5);
  const bool ordered = GENERATE(false, true);
  CAPTURE(block_rows, workers, ordered);

  const CountDecodings counter;
  auto queue = Streamer(file).queue("/t", {.ordered = ordered,
                                           .remainder = true,
                                           .kind = WorkerKind::kThreads,
                                           .workers = workers,
                                           .block_rows = block_rows});
  std::uint64_t rows = 0;
  bool right = true;
  for (const auto& block : queue) {
    rows += block.row_count();
    right = right && holds_rows(block);
  }
  CHECK(rows == kRows);
  CHECK(right);
  CHECK(counter.all(1, kChunks));
}

TEST_CASE("chunks that find no room in the cache are decoded for each block",
          "[reader][stream][chunks]") {
  const TemporaryFolder folder;
  const std::string file = folder.file("t.h5");
  write_table(file, "/t", {.rows = kRows, .columns = 8, .chunk_rows = kRowsPerChunk, .gzip = true});
  const CountDecodings counter;
  auto queue = Streamer(file).queue(
      "/t", {.kind = WorkerKind::kThreads, .workers = 3, .block_rows = 8, .chunk_cache_bytes = 10});
  bool right = true;
  for (const auto& block : queue) right = right && holds_rows(block);
  CHECK(right);
  CHECK(counter.all(2, kChunks));
}
