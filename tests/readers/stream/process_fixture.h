#pragma once

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "h5flume.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/sample_data.h"
#include "tests/support/temporary_folder.h"

// A stream by worker processes that meet with accidents.
namespace h5flume::test {

inline constexpr std::uint64_t kRows = 400;
inline constexpr std::uint64_t kBlockRows = 10;

// Orders an accident of the test workers, see tests/support/test_worker.cpp.
class Accident {
 public:
  explicit Accident(const std::string& order) {
    ::setenv("H5FLUME_TEST_ACCIDENT", order.c_str(), 1);
  }
  Accident(const Accident&) = delete;
  Accident& operator=(const Accident&) = delete;
  ~Accident() { ::unsetenv("H5FLUME_TEST_ACCIDENT"); }
};

struct ProcessFixture {
  // By one process with threads, or by a process for each worker.
  explicit ProcessFixture(bool direct = true) {
    options.direct = direct;
    write_table(path, "/t", {.rows = kRows, .columns = 8, .chunk_rows = 10});
  }
  TemporaryFolder folder;
  std::string path = folder.file("t.h5");
  StreamOptions options{.block_rows = kBlockRows};

  Streamer streamer() const { return Streamer(path, {.worker_path = H5FLUME_TEST_WORKER_PATH}); }
  BlockQueue queue() {
    options.workers = options.workers.value_or(2);
    options.read_ahead = options.read_ahead.value_or(2 * *options.workers + 1);  // soon full
    return streamer().queue("/t", options);
  }
};

struct Delivered {
  std::multiset<std::uint64_t> first_rows;
  std::vector<Error> errors;
  bool in_order = true;
  bool right = true;

  bool complete() const {
    std::multiset<std::uint64_t> expected;
    for (std::uint64_t row = 0; row < kRows; row += kBlockRows) expected.insert(row);
    return right && errors.empty() && first_rows == expected;
  }
};

// Takes everything; `after_each` may do harm after each block.
template <class AfterEach>
Delivered drain(BlockQueue& queue, AfterEach after_each) {
  Delivered delivered;
  std::uint64_t last = 0;
  for (bool more = true; more;) {
    try {
      const auto block = queue.take();
      more = block.has_value();
      if (!block) break;
      delivered.right = delivered.right && holds_rows(*block);
      delivered.in_order = delivered.in_order && block->first_row() >= last;
      last = block->first_row();
      delivered.first_rows.insert(last);
    } catch (const Error& error) {
      delivered.errors.push_back(error);
      more = !queue.finished();
    }
    after_each();
  }
  return delivered;
}

inline Delivered drain(BlockQueue& queue) {
  return drain(queue, [] {});
}

// Watches a process that is not a child, from while it is known to live.
class Watched {
 public:
  explicit Watched(int pid) : pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  bool alive() const { return !ended(std::chrono::milliseconds{0}); }
  bool ended(std::chrono::milliseconds within) const {
    pollfd end{pidfd_.get(), POLLIN, 0};
    return ::poll(&end, 1, static_cast<int>(within.count())) == 1;
  }

 private:
  FileDescriptor pidfd_;
};

inline std::vector<Watched> watch(const std::vector<int>& pids) {
  std::vector<Watched> watched;
  for (const int pid : pids) watched.emplace_back(pid);
  return watched;
}

}  // namespace h5flume::test
