#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "h5flume.h"
#include "tests/support/catch.h"
#include "tests/support/sample_data.h"
#include "tests/support/temporary_folder.h"

// The contract of a stream: every case that has a StreamFixture runs over worker processes and over
// threads.
namespace h5flume::test {

// A file of one dataset "/t", and a streamer for it.
struct StreamFixture {
  explicit StreamFixture(const TableShape& shape = {.rows = 100, .columns = 4, .chunk_rows = 8}) {
    write_table(path, "/t", shape);
  }
  TemporaryFolder folder;
  std::string path = folder.file("t.h5");
  WorkerKind kind = GENERATE(WorkerKind::kProcesses, WorkerKind::kThreads);

  StreamOptions options() const {
    StreamOptions options;
    options.kind = kind;
    options.workers = 2;
    return options;
  }
  BlockQueue queue(StreamOptions options) const {
    if (options.workers && !options.read_ahead) {
      options.read_ahead = 2 * *options.workers + 1;  // soon full
    }
    return Streamer(path).queue("/t", options);
  }
};

// First rows of all blocks that come, in the order they come; checks what they hold.
inline std::vector<std::uint64_t> first_rows(BlockQueue& queue,
                                             std::size_t limit = ~std::size_t{0}) {
  std::vector<std::uint64_t> rows;
  bool all_right = true;
  while (rows.size() < limit) {
    const auto block = queue.take();
    if (!block) break;
    all_right = all_right && holds_rows(*block);
    rows.push_back(block->first_row());
  }
  CHECK(all_right);
  return rows;
}

inline std::vector<std::uint64_t> every(std::uint64_t step, std::uint64_t end) {
  std::vector<std::uint64_t> rows;
  for (std::uint64_t row = 0; row < end; row += step) rows.push_back(row);
  return rows;
}

}  // namespace h5flume::test
