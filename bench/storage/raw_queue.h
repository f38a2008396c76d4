#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct sqlite3;

namespace h5flume::bench {

// What one writes without a library: a table of tasks in SQLite, with a write-ahead log and
// SQLite's own waiting for locks and its own checkpoints. No leases, tokens, retries or counters.
class RawQueue {
 public:
  RawQueue(const std::string& path, bool sync_each_commit);
  RawQueue(const RawQueue&) = delete;
  RawQueue& operator=(const RawQueue&) = delete;
  ~RawQueue();

  void add(std::uint64_t count);
  std::vector<std::int64_t> claim(std::size_t count);
  void complete(const std::vector<std::int64_t>& tasks);

 private:
  void run(const std::string& sql);

  sqlite3* handle_ = nullptr;
};

}  // namespace h5flume::bench
