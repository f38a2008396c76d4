#include "bench/storage/redis_peer.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "core/error.h"

namespace h5flume::bench {
namespace {

// Where the shell would find it.
std::string find_program(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::string rest = path ? path : "/usr/bin";
  while (!rest.empty()) {
    const auto end = rest.find(':');
    const auto file = std::filesystem::path(rest.substr(0, end)) / name;
    if (std::filesystem::exists(file)) return file.string();
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  throw std::runtime_error(name + " is not installed");
}

}  // namespace

RedisPeer::RedisPeer() {
  std::string made = (std::filesystem::temp_directory_path() / "h5flume-bench-XXXXXX").string();
  if (!::mkdtemp(made.data())) throw std::runtime_error("no temporary folder");
  folder_ = made;
  socket_ = folder_ + "/redis.sock";
  server_ = ChildProcess::spawn(
      {.path = find_program("redis-server"),
       .arguments = {"--port", "0", "--unixsocket", socket_, "--save", "", "--appendonly", "no",
                     "--dir", folder_, "--logfile", folder_ + "/log"}});
  while (true) {
    try {
      connect().command({"PING"});
      return;
    } catch (const Error&) {  // not there yet
      if (server_->wait(std::chrono::milliseconds(5))) {
        throw std::runtime_error("redis-server does not start");
      }
    }
  }
}

RedisPeer::~RedisPeer() {
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

redis::Connection RedisPeer::connect() const { return redis::Connection({.socket = socket_}); }

}  // namespace h5flume::bench
