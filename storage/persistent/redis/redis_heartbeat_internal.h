#pragma once

#include <string>
#include <thread>

#include "core/file_descriptor.h"
#include "storage/persistent/redis/redis_address_internal.h"

namespace h5flume::redis {

/// Says that this process lives: keeps a key on the server that would go by itself soon, by a
/// thread and a connection of its own. While the server cannot be reached it keeps trying.
///
/// Lifetime: destruction removes the key, and returns without waiting for the next beat, at latest
/// after `address.alive` if the server hangs. A child by fork(), where the thread is not, must not
/// destroy it.
class Heartbeat {
 public:
  /// `key` goes `address.alive` after the last beat. Throws kResourceLimit.
  Heartbeat(Address address, std::string key);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  ~Heartbeat();

 private:
  void run();

  Address address_;
  std::string key_;
  FileDescriptor stop_;  ///< an eventfd
  std::thread thread_;
};

}  // namespace h5flume::redis
