#include <poll.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "storage/persistent/redis/redis_subscriptions_internal.h"

namespace h5flume::redis {
namespace {

void forget_messages(Connection& connection) {
  while (connection.next_message()) {
  }
}

// Rounded up, so that nobody wakes a moment before what he waits for.
int milliseconds_until(std::chrono::steady_clock::time_point end) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

}  // namespace

void Subscriptions::wait(const std::function<Until()>& until) {
  auto connection = take();
  if (const auto end = until()) {
    pollfd socket{.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&socket, 1, milliseconds_until(*end));
  }
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

// One that has been idle for long may have been closed by the server.
Connection Subscriptions::take() {
  std::optional<Connection> idle;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      idle.emplace(std::move(idle_.back()));
      idle_.pop_back();
    }
  }
  if (idle) {
    try {
      forget_messages(*idle);
      return std::move(*idle);
    } catch (const ConnectionLost&) {
    }
  }
  Connection made(address_);
  made.command({"SUBSCRIBE", channel_});
  return made;
}

}  // namespace h5flume::redis
