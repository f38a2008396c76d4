#include <fmt/format.h>

#include <vector>

#include "storage/persistent/redis/redis_session_internal.h"

namespace h5flume::redis {

Session::Session(Address address)
    : address_(std::move(address)), meta_key_(key("meta")), connection_(address_) {}

std::string Session::key(std::string_view name) const {
  return fmt::format("h5flume:{{{}}}:{}", address_.name, name);
}

std::string Session::what() const { return fmt::format("tracker {}", address_.shown); }

void Session::check_process() const {
  if (!process_.was_forked()) return;
  throw Error(ErrorCode::kRefused,
              fmt::format("{}: it was opened before fork(); open it anew in the child", what()));
}

Reply Session::run(const Script& script, std::span<const Argument> arguments, Repeat repeat) {
  check_process();
  const std::lock_guard lock(mutex_);
  try {
    try {
      return run_once(script, arguments);
    } catch (const ConnectionLost& error) {
      if (repeat == Repeat::kYes) return run_once(script, arguments);
      throw ConnectionLost(error.code(), fmt::format("{} {}: {}; whether it was done is not known",
                                                     script.name, what(), error.what()));
    }
  } catch (const ServerError& error) {
    if (std::string_view(error.what()).find("H5FLUME_GONE") == std::string_view::npos) throw;
    throw Error(ErrorCode::kNotFound, fmt::format("{}: it is not there any more", what()));
  }
}

Reply Session::run_once(const Script& script, std::span<const Argument> arguments) {
  if (connection_ && connection_->was_closed()) connection_.reset();
  if (!connection_) connection_.emplace(address_);

  std::vector<Argument> command{"EVALSHA", script.sha1, "1", meta_key_};
  command.insert(command.end(), arguments.begin(), arguments.end());
  try {
    try {
      return connection_->command(command);
    } catch (const ServerError& error) {
      if (error.kind() != "NOSCRIPT") throw;
      command[0] = "EVAL";
      command[1] = script.text;
      return connection_->command(command);
    }
  } catch (const ConnectionLost&) {
    connection_.reset();
    throw;
  }
}

}  // namespace h5flume::redis
