#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/persistent/progress_tracker.h"
#include "tests/storage/persistent/redis_server.h"
#include "tests/support/temporary_folder.h"

namespace h5flume::test {

// The kinds of trackers that the contract holds for: "process" and "power" are the durabilities of
// one in a folder, "redis" is one on a server.
inline std::vector<std::string> tracker_kinds() { return {"process", "power", "redis"}; }

// A place for one tracker, which any number of processes may open at the same time.
class TrackerPlace {
 public:
  explicit TrackerPlace(std::string kind)
      : kind_(std::move(kind)),
        address_(kind_ == "redis" ? new_redis_address() : folder_.file("tracker")) {}

  const std::string& kind() const { return kind_; }
  const std::string& address() const { return address_; }

  ProgressTracker open(TrackerOptions options = {}) const {
    return open_tracker(address(), kind_, options);
  }

  // For child processes, which are told both on their command lines.
  static ProgressTracker open_tracker(const std::string& address, const std::string& kind,
                                      TrackerOptions options = {}) {
    options.durability = kind == "power" ? Durability::kPower : Durability::kProcess;
    return ProgressTracker(address, options);
  }

 private:
  // One server for all places of this program, and a name for each.
  static std::string new_redis_address() {
    static const RedisServer server;
    static int places = 0;
    return server.address("place" + std::to_string(++places), 2000);
  }

  TemporaryFolder folder_;
  std::string kind_;
  std::string address_;
};

// The code of the error that a call throws; nothing if it throws none.
inline std::optional<ErrorCode> error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

inline std::vector<std::string> keys_of(const std::vector<Claim>& claims) {
  std::vector<std::string> keys;
  for (const auto& claim : claims) keys.push_back(claim.key.json_text());
  return keys;
}

inline TaskState state_of(const ProgressTracker& tracker, const Key& key) {
  return tracker.find(key).value().state;
}

// The one task that is due.
inline Claim claim_one(ProgressTracker& tracker, const ClaimOptions& options = {}) {
  return tracker.claim(options).at(0);
}

// Tasks 0, 1, 2 and so on.
inline void add_tasks(ProgressTracker& tracker, std::uint64_t count) {
  tracker.add_many([count, next = std::uint64_t{0}]() mutable -> std::optional<NewTask> {
    if (next == count) return std::nullopt;
    return NewTask{next++};
  });
}

}  // namespace h5flume::test
