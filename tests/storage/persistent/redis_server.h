#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/process.h"
#include "tests/support/temporary_folder.h"

namespace h5flume::test {

// A Redis server of a test's own, on a Unix socket in a temporary folder. It ends with the test,
// whatever ends that.
class RedisServer {
 public:
  // `settings` as on redis-server's command line: {"--appendonly", "yes"}.
  explicit RedisServer(std::vector<std::string> settings = {});

  // SIGKILL, and a new one on the same socket with what the old one has left on the disk.
  void kill();
  void start();

  int pid() const { return process_->pid(); }

  // Of a tracker; a process that says nothing is taken for dead after `alive_ms`.
  std::string address(const std::string& name = "test", int alive_ms = 5000) const;
  const std::string& socket() const { return socket_; }

  // Sends a command and returns its reply as text, a list in lines; "(nothing)" for none.
  std::string ask(const std::vector<std::string>& command) const;

 private:
  bool answers() const;

  TemporaryFolder folder_;
  std::string socket_ = folder_.file("redis.sock");
  std::vector<std::string> settings_;
  std::optional<ChildProcess> process_;
};

// A TCP port that nobody listens to.
int free_port();

}  // namespace h5flume::test
