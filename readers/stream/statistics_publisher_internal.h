#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "core/fork_guard.h"
#include "readers/stream/published_streams.h"
#include "storage/shared/shared_dict.h"

namespace h5flume {

// Where streams publish if H5FLUME_STATISTICS says so; nothing if it does not.
std::optional<std::string> statistics_folder_of_environment();

// Tells others what the streams of this process do: one shared dict and one thread for all of them,
// from the first stream's beginning to the last one's end. Nothing that happens to it concerns the
// streams: where memory is short, or another process holds the dict's lock, others see old figures
// or none.
//
//   stream --look()--> thread, four times a second --transaction--> dict
//
// Threads: all members may be called by any at once.
class StatisticsPublisher {
 public:
  using Look = std::function<PublishedStream()>;

  // The one of this process, made if there is none.
  static std::shared_ptr<StatisticsPublisher> running(const std::string& folder);

  explicit StatisticsPublisher(std::string folder);
  StatisticsPublisher(const StatisticsPublisher&) = delete;
  StatisticsPublisher& operator=(const StatisticsPublisher&) = delete;
  ~StatisticsPublisher();

  std::int64_t add(Look look);

  // The stream's `look` is not called any more when this returns.
  void remove(std::int64_t stream);

  bool was_forked() const noexcept { return process_.was_forked(); }

 private:
  using Figures = std::map<std::int64_t, PublishedStream>;

  void run() noexcept;
  Figures look_at_all() const;
  void publish(const Figures& figures) noexcept;
  void open();

  const std::string folder_;
  const ForkGuard process_;

  std::mutex mutex_;  // guards the four below
  std::condition_variable changed_;
  std::map<std::int64_t, Look> streams_;
  std::int64_t last_stream_ = 0;
  bool has_changed_ = false;
  bool ending_ = false;

  // The thread's own.
  std::optional<SharedDict> dict_;
  std::set<std::int64_t> written_;  // streams that have an entry

  std::thread thread_;
};

// A stream's being published, until destruction.
class StreamPublication {
 public:
  // Throws kResourceLimit if no thread can be had.
  StreamPublication(const std::string& folder, StatisticsPublisher::Look look);
  StreamPublication(const StreamPublication&) = delete;
  StreamPublication& operator=(const StreamPublication&) = delete;
  ~StreamPublication();

 private:
  std::shared_ptr<StatisticsPublisher> publisher_;
  std::int64_t stream_;
};

}  // namespace h5flume
