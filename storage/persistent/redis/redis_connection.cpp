#include <fmt/format.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "storage/persistent/redis/redis_connection_internal.h"

namespace h5flume::redis {
namespace {

[[noreturn]] void unexpected() {
  throw Error(ErrorCode::kCorruptData, "the Redis server has answered what nobody expects");
}

ErrorCode code_of(std::string_view kind) noexcept {
  if (kind == "NOAUTH" || kind == "WRONGPASS" || kind == "NOPERM" || kind == "READONLY") {
    return ErrorCode::kRefused;
  }
  if (kind == "OOM") return ErrorCode::kOutOfMemory;
  return kind == "BUSY" ? ErrorCode::kTimeout : ErrorCode::kIo;
}

std::string text_of(int error_number) {
  return std::error_code(error_number, std::generic_category()).message();
}

timeval timeval_of(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
}

redisContext* connect(const Address& address, std::chrono::milliseconds patience) {
  errno = 0;
  return address.socket.empty()
             ? redisConnectWithTimeout(address.host.c_str(), address.port, timeval_of(patience))
             : redisConnectUnixWithTimeout(address.socket.c_str(), timeval_of(patience));
}

}  // namespace

// --- Reply --------------------------------------------------------------------------------------

bool Reply::is_nothing() const noexcept { return reply_->type == REDIS_REPLY_NIL; }
bool Reply::is_list() const noexcept { return reply_->type == REDIS_REPLY_ARRAY; }
bool Reply::is_number() const noexcept { return reply_->type == REDIS_REPLY_INTEGER; }

std::int64_t Reply::integer() const {
  if (reply_->type == REDIS_REPLY_INTEGER) return reply_->integer;
  const auto digits = text();
  std::int64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) unexpected();
  return value;
}

std::string_view Reply::text() const {
  if (reply_->type != REDIS_REPLY_STRING && reply_->type != REDIS_REPLY_STATUS) unexpected();
  return {reply_->str, reply_->len};
}

std::size_t Reply::size() const {
  if (!is_list()) unexpected();
  return reply_->elements;
}

Reply Reply::operator[](std::size_t index) const {
  if (index >= size()) unexpected();
  return Reply(std::shared_ptr<const redisReply>(reply_, reply_->element[index]));
}

// --- Connection ---------------------------------------------------------------------------------

void Connection::Close::operator()(redisContext* context) const noexcept { redisFree(context); }

Connection::Connection(const Address& address, std::chrono::milliseconds patience)
    : server_(address.server()), context_(connect(address, patience)) {
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    throw Error(code, fmt::format("connect to the Redis server {}: {}", server_, why));
  };
  if (!context_) refuse(ErrorCode::kOutOfMemory, "no memory");
  if (context_->err != 0) {
    const bool no_such_place =
        context_->err == REDIS_ERR_OTHER || (!address.socket.empty() && errno == ENOENT);
    refuse(no_such_place ? ErrorCode::kNotFound : ErrorCode::kIo, context_->errstr);
  }
  redisSetTimeout(context_.get(), timeval_of(patience));
  if (address.socket.empty()) redisEnableKeepAlive(context_.get());

  if (!address.password.empty() && address.user.empty()) command({"AUTH", address.password});
  if (!address.user.empty()) command({"AUTH", address.user, address.password});
  if (address.database != 0) command({"SELECT", std::to_string(address.database)});
}

Reply Connection::command(std::span<const Argument> arguments) {
  send(arguments);
  void* reply = nullptr;
  errno = 0;
  if (redisGetReply(context_.get(), &reply) != REDIS_OK) {
    lost(errno == EAGAIN ? "it does not answer" : context_->errstr);
  }
  return checked(reply);
}

// hiredis would write to the socket itself, and a server that has gone would raise SIGPIPE.
void Connection::send(std::span<const Argument> arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto argument : arguments) {
    texts.push_back(argument.data() ? argument.data() : "");
    sizes.push_back(argument.size());
  }
  char* formatted = nullptr;
  const auto size = redisFormatCommandArgv(&formatted, static_cast<int>(texts.size()), texts.data(),
                                           sizes.data());
  if (size < 0) throw Error(ErrorCode::kOutOfMemory, "a command to the Redis server is too large");
  const std::unique_ptr<char, decltype(&redisFreeCommand)> owner(formatted, &redisFreeCommand);

  for (std::string_view rest(formatted, static_cast<std::size_t>(size)); !rest.empty();) {
    const auto sent = ::send(context_->fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) lost(text_of(errno));
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Connection::was_closed() const noexcept {
  pollfd socket{.fd = context_->fd, .events = POLLIN | POLLRDHUP, .revents = 0};
  return ::poll(&socket, 1, 0) != 0;  // nothing is to come that was not asked for
}

int Connection::descriptor() const noexcept { return context_->fd; }

std::optional<Reply> Connection::next_message() {
  while (true) {
    void* reply = nullptr;
    if (redisGetReplyFromReader(context_.get(), &reply) != REDIS_OK) lost(context_->errstr);
    if (reply) return checked(reply);
    pollfd socket{.fd = context_->fd, .events = POLLIN, .revents = 0};
    if (::poll(&socket, 1, 0) <= 0) return std::nullopt;
    if (redisBufferRead(context_.get()) != REDIS_OK) lost(context_->errstr);
  }
}

void Connection::lost(const std::string& why) const {
  throw ConnectionLost(
      ErrorCode::kIo,
      fmt::format("the connection to the Redis server {} is lost: {}", server_, why));
}

Reply Connection::checked(void* reply) const {
  std::shared_ptr<const redisReply> owned(static_cast<redisReply*>(reply),
                                          [](redisReply* given) { freeReplyObject(given); });
  if (owned->type != REDIS_REPLY_ERROR) return Reply(std::move(owned));
  const std::string_view message(owned->str, owned->len);
  const std::string kind(message.substr(0, message.find(' ')));
  throw ServerError(code_of(kind), fmt::format("the Redis server {} says: {}", server_, message),
                    kind);
}

}  // namespace h5flume::redis
