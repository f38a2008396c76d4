#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <optional>
#include <system_error>

#include "core/error.h"
#include "storage/persistent/redis/redis_connection_internal.h"
#include "storage/persistent/redis/redis_heartbeat_internal.h"

namespace h5flume::redis {

Heartbeat::Heartbeat(Address address, std::string key)
    : address_(std::move(address)), key_(std::move(key)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw_system_error("eventfd of a tracker", errno);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::kResourceLimit, std::string("thread of a tracker: ") + error.what());
  }
}

Heartbeat::~Heartbeat() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void Heartbeat::run() {
  const auto alive = std::to_string(address_.alive.count());
  const auto between = static_cast<int>(address_.alive.count() * 3 / 10);
  std::optional<Connection> connection;
  const auto ask = [&](std::initializer_list<Connection::Argument> command) {
    try {
      if (!connection) connection.emplace(address_, address_.alive / 2);
      connection->command(command);
    } catch (const Error&) {
      connection.reset();  // the next beat tries again
    }
  };
  pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
  do {
    ask({"SET", key_, "1", "PX", alive});
  } while (::poll(&stop, 1, between) <= 0);
  if (connection) ask({"DEL", key_});
}

}  // namespace h5flume::redis
