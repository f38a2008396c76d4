#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "readers/random/operation_internal.h"

namespace h5flume {

/// Serves requests for datasets that are read directly, on threads of its own and on those that
/// wait. See docs/random-access.md.
///
/// Threads: all members may be called by any at once; close() from outside the engine only.
class RequestEngine {
 public:
  /// With at most `threads` threads at work. Throws kResourceLimit.
  explicit RequestEngine(unsigned threads);
  RequestEngine(const RequestEngine&) = delete;
  RequestEngine& operator=(const RequestEngine&) = delete;
  ~RequestEngine();  // close(true)

  /// Serves a request that has its memory. What costs less than handing it over to another thread,
  /// because it is in memory already or little, is done by the caller, at once.
  void start(const std::shared_ptr<Operation>& operation);

  /// Serves a request in the background in any case.
  void put(const std::shared_ptr<Operation>& operation);

  /// Remembers a request that is not done yet, be it begun or waiting for its stage, so that
  /// close() ends it.
  void remember(const std::shared_ptr<Operation>& operation);

  /// Waits until a request is done, and works meanwhile: on this request, then on any other that is
  /// not all begun. Without that, a thread that takes one future after the other would sleep, for
  /// each, while another thread is just ahead of it.
  void wait(const std::shared_ptr<Operation>& operation);

  /// A free stage of a pool for a request; nothing if there is none by the deadline. close() ends
  /// the waiting. Throws kCancelled then.
  std::shared_ptr<StageState> take_stage(const std::shared_ptr<StagePoolState>& pool,
                                         const RequestSpec& spec,
                                         const Operation::Deadline& deadline);

  /// Throws kCancelled after close(), with what was to be done.
  void require_open(const std::string& operation) const;
  void require_open(const RequestSpec& spec) const {
    if (is_closed()) require_open(spec.name());
  }
  bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  /// Ends all requests that were not begun, with kCancelled, and waits for those under way if
  /// asked. Whatever is started afterwards ends the same way.
  void close(bool wait);

 private:
  class Graph;

  bool serve_any();

  std::unique_ptr<Graph> graph_;
  // relaxed: who has to know for certain looks at it under the mutex.
  std::atomic<bool> closed_{false};
  std::mutex mutex_;  // guards what is below
  std::vector<std::weak_ptr<Operation>> open_;
  std::vector<std::shared_ptr<StagePoolState>> awaited_;  // for each thread in take_stage()
  std::size_t prune_at_ = 64;
};

}  // namespace h5flume
