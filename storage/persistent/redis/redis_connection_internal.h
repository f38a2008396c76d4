#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "storage/persistent/redis/redis_address_internal.h"

struct redisContext;
struct redisReply;

namespace h5flume::redis {

/// What a server has answered, or a part of it: nothing, a number, text, or a list of such. Asking
/// for another kind than it is throws kCorruptData.
///
/// Lifetime: a value; text is good while the reply or a part of it lives.
class Reply {
 public:
  explicit Reply(std::shared_ptr<const redisReply> reply) : reply_(std::move(reply)) {}

  bool is_nothing() const noexcept;
  bool is_list() const noexcept;
  bool is_number() const noexcept;
  std::int64_t integer() const;  ///< text of digits too
  std::uint64_t unsigned_integer() const { return static_cast<std::uint64_t>(integer()); }
  std::string_view text() const;
  std::size_t size() const;  ///< of a list
  Reply operator[](std::size_t index) const;

 private:
  std::shared_ptr<const redisReply> reply_;
};

/// The connection was lost before the whole reply had come: whether the server has done what it was
/// asked for is not known.
class ConnectionLost : public Error {
  using Error::Error;
};

/// The server has answered with an error; `kind` is its first word: NOSCRIPT, OOM.
class ServerError : public Error {
 public:
  ServerError(ErrorCode code, const std::string& message, std::string kind)
      : Error(code, message), kind_(std::move(kind)) {}
  const std::string& kind() const noexcept { return kind_; }

 private:
  std::string kind_;
};

/// One connection to a server, logged in and with its database chosen.
///
/// Errors name the server, never the password. What is sent raises no SIGPIPE.
///
/// Threads: for one at a time. A child by fork() may only destroy it.
class Connection {
 public:
  using Argument = std::string_view;

  /// A server that does not answer for `patience` counts as lost. Throws kNotFound if the host or
  /// the socket is not there, kIo if nobody answers, kRefused for a wrong password.
  explicit Connection(const Address& address,
                      std::chrono::milliseconds patience = std::chrono::seconds(30));

  /// Sends a command and waits for its reply. Throws ConnectionLost, after which the connection is
  /// of no more use; ServerError.
  Reply command(std::span<const Argument> arguments);
  Reply command(std::initializer_list<Argument> arguments) {
    return command(std::span<const Argument>(arguments.begin(), arguments.size()));
  }

  /// Whether the server has closed an idle connection.
  bool was_closed() const noexcept;

  /// Of a connection that has subscribed to a channel: becomes readable when messages come.
  int descriptor() const noexcept;

  /// The next message that has come, without waiting for one. Throws ConnectionLost.
  std::optional<Reply> next_message();

 private:
  struct Close {
    void operator()(redisContext* context) const noexcept;
  };

  void send(std::span<const Argument> arguments);
  [[noreturn]] void lost(const std::string& why) const;
  Reply checked(void* reply) const;

  std::string server_;
  std::unique_ptr<redisContext, Close> context_;
};

}  // namespace h5flume::redis
