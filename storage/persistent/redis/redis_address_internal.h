#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace h5flume::redis {

/// Where a tracker is kept: a server, and a name on it.
///
///   redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?name=NAME]
///   redis+unix://[[USER]:PASSWORD@]/PATH/OF/SOCKET[?database=DATABASE&name=NAME]
///
/// USER, PASSWORD, PATH and NAME may have characters as %xx; HOST may be an IPv6 address in [].
struct Address {
  std::string host;
  int port = 6379;
  std::string socket;  ///< path of a Unix socket, in place of host and port
  std::string user;
  std::string password;
  int database = 0;
  std::string name = "tracker";
  std::string shown;  ///< without user and password, for messages

  /// How long a process that does not say that it lives is taken for alive: ?alive_ms=5000.
  std::chrono::milliseconds alive{5000};

  /// "host:port" or the path, for messages.
  std::string server() const;
};

/// Whether a tracker at `address` is meant to be on a Redis server.
bool is_address(std::string_view address) noexcept;

/// Throws kInvalidArgument, without showing a password.
Address parse_address(std::string_view text);

/// The address without user and password, for messages.
std::string without_password(std::string_view address);

}  // namespace h5flume::redis
