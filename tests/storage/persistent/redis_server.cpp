#include "tests/storage/persistent/redis_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "core/file_descriptor.h"
#include "storage/persistent/redis/redis_connection_internal.h"
#include "tests/support/child_role.h"

namespace h5flume::test {
namespace {

constexpr std::chrono::seconds kLongestStart{30};
constexpr std::chrono::milliseconds kBetweenLooks{5};

// Plays redis-server: arguments are the parent's process number and the server's own.
int run_redis_server(const std::vector<std::string>& arguments) {
  die_with_parent(std::stoi(arguments.at(0)));
  std::vector<std::string> words{"redis-server"};
  words.insert(words.end(), arguments.begin() + 1, arguments.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execvp("redis-server", pointers.data());
  return 127;
}

std::string text_of(const redis::Reply& reply) {
  if (reply.is_nothing()) return "(nothing)";
  if (!reply.is_list())
    return reply.is_number() ? std::to_string(reply.integer()) : std::string(reply.text());
  std::string lines;
  for (std::size_t i = 0; i < reply.size(); ++i) lines += text_of(reply[i]) + "\n";
  return lines;
}

const ChildRole kRole("redis-server", run_redis_server);

}  // namespace

RedisServer::RedisServer(std::vector<std::string> settings) : settings_(std::move(settings)) {
  start();
}

void RedisServer::kill() {
  process_->kill();
  process_->wait();
  process_.reset();
}

void RedisServer::start() {
  std::vector<std::string> arguments{
      std::to_string(::getpid()), "--port", "0", "--unixsocket", socket_,   "--dir",
      folder_.path().string(),    "--save", "",  "--loglevel",   "warning", "--logfile",
      folder_.file("log")};
  arguments.insert(arguments.end(), settings_.begin(), settings_.end());
  process_.emplace(start_child("redis-server", arguments));
  const auto end = std::chrono::steady_clock::now() + kLongestStart;
  while (!answers()) {
    if (process_->wait(kBetweenLooks) || std::chrono::steady_clock::now() > end) {
      throw std::runtime_error("redis-server does not start; is it installed?");
    }
  }
}

bool RedisServer::answers() const {
  try {
    return ask({"PING"}) == "PONG";
  } catch (const Error&) {  // not there yet, or it reads what the last one has left
    return false;
  }
}

std::string RedisServer::ask(const std::vector<std::string>& command) const {
  redis::Connection connection({.socket = socket_});
  const std::vector<std::string_view> arguments(command.begin(), command.end());
  return text_of(connection.command(arguments));
}

std::string RedisServer::address(const std::string& name, int alive_ms) const {
  return "redis+unix://" + socket_ + "?name=" + name + "&alive_ms=" + std::to_string(alive_ms);
}

int free_port() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), any, size) != 0 || ::getsockname(socket.get(), any, &size) != 0) {
    throw std::runtime_error("no port is free");
  }
  return ntohs(address.sin_port);
}

}  // namespace h5flume::test
