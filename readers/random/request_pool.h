#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

#include "readers/random/future.h"

namespace h5flume {

/// Futures in the order in which they were added, whatever the order in which they become ready.
///
///   std::thread loader([&] {
///     for (...) pool.add(reader.request(images[rows(i, i + 32)], stages));
///     pool.close();
///   });
///   while (auto future = pool.next()) use(future->get());
///
/// It holds any number; what bounds them is the StagePool that they are read into.
///
/// Lifetime: futures that nobody took are dropped with it. Threads: all members may be called by
/// any at once; each future goes to one of them.
class RequestPool {
 public:
  RequestPool() = default;
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  /// Throws kCancelled after close(), and the future is dropped.
  void add(Future future);

  /// The next future, which need not be ready; waits until there is one. Nothing once the pool is
  /// closed and all futures were taken.
  std::optional<Future> next();

  /// The same, but throws kTimeout if there is none within `limit`.
  std::optional<Future> next_for(std::chrono::nanoseconds limit);

  /// Nothing more is added. Those who wait for what will not come return.
  void close() noexcept;

  /// How many futures wait to be taken.
  std::size_t size() const;

 private:
  std::optional<Future> take_front();

  mutable std::mutex mutex_;  // guards what is below
  std::condition_variable changed_;
  std::deque<Future> futures_;
  bool closed_ = false;
};

}  // namespace h5flume
