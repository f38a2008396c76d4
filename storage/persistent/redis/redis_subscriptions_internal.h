#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/persistent/redis/redis_connection_internal.h"

namespace h5flume::redis {

/// Waits for what scripts publish on a channel: one connection for each thread that waits at the
/// same time, kept for the next who does.
///
/// Threads: all members may be called by any at once.
class Subscriptions {
 public:
  using Until = std::optional<std::chrono::steady_clock::time_point>;

  Subscriptions(Address address, std::string channel)
      : address_(std::move(address)), channel_(std::move(channel)) {}

  /// Listens to the channel, then asks `until`, and then waits until a message comes after all that
  /// `until` could see, or until the time it gives; nothing: no time at all. Returns early when the
  /// connection is lost. Throws as Connection does, and what `until` throws.
  void wait(const std::function<Until()>& until);

 private:
  Connection take();

  Address address_;
  std::string channel_;
  std::mutex mutex_;
  std::vector<Connection> idle_;
};

}  // namespace h5flume::redis
