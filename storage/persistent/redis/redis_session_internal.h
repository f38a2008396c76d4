#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/fork_guard.h"
#include "storage/persistent/redis/redis_connection_internal.h"
#include "storage/persistent/redis/redis_scripts_internal.h"

namespace h5flume::redis {

/// Whether a script may be run again if the connection was lost before its reply came, so that
/// nobody knows whether it has run.
enum class Repeat { kNo, kYes };

/// Runs scripts on one tracker: makes the connection, makes it again when the server has closed it,
/// and gives the server the scripts that it does not know.
///
/// Errors name the tracker and the server. A tracker that has gone is kNotFound.
///
/// Threads: all members may be called by any at once; one script runs at a time. Fork: members
/// throw kRefused in a child.
class Session {
 public:
  using Argument = Connection::Argument;

  /// Connects. Throws as Connection does.
  explicit Session(Address address);

  /// The reply. Throws ConnectionLost if the connection was lost, a second time with Repeat::kYes.
  Reply run(const Script& script, std::span<const Argument> arguments, Repeat repeat);

  const Address& address() const noexcept { return address_; }
  const ForkGuard& process() const noexcept { return process_; }
  void check_process() const;

  /// "tracker ADDRESS", for messages.
  std::string what() const;

  /// The name of one of the tracker's keys. The braces keep all of them on one node of a cluster.
  std::string key(std::string_view name) const;

 private:
  Reply run_once(const Script& script, std::span<const Argument> arguments);

  Address address_;
  std::string meta_key_;
  ForkGuard process_;
  std::mutex mutex_;
  std::optional<Connection> connection_;
};

}  // namespace h5flume::redis
