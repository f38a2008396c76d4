#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/process.h"
#include "storage/persistent/redis/redis_connection_internal.h"

namespace h5flume::bench {

// A Redis server of the benchmark's own, on a Unix socket, that keeps nothing on the disk.
class RedisPeer {
 public:
  RedisPeer();  // throws std::runtime_error if there is no redis-server
  RedisPeer(const RedisPeer&) = delete;
  RedisPeer& operator=(const RedisPeer&) = delete;
  ~RedisPeer();

  redis::Connection connect() const;

 private:
  std::string folder_;
  std::string socket_;
  std::optional<ChildProcess> server_;
};

}  // namespace h5flume::bench
