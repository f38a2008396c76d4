#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/persistent/redis/redis_heartbeat_internal.h"
#include "storage/persistent/redis/redis_session_internal.h"
#include "storage/persistent/redis/redis_subscriptions_internal.h"
#include "storage/persistent/tracker/tracker_store_internal.h"

namespace h5flume::redis {

/// What one script does at most, so that the server is not kept from others for long: tasks that it
/// changes, and tasks that it looks at.
inline constexpr std::size_t kMostTasks = 2'000;
inline constexpr std::size_t kMostLooks = 10'000;

/// A name for who claims, that nobody else has.
std::string random_owner();

/// A tracker on a Redis server. Each member is one script, but for those that may meet millions of
/// tasks: restore(), page(), retry_exhausted() and claims of thousands take one for each some
/// thousand. docs/redis-tracker.md has the keys and says what holds if the connection is lost.
class RedisTracker final : public TrackerStore {
 public:
  RedisTracker(Address address, const TrackerOptions& options);
  ~RedisTracker() override;

  std::uint64_t add(std::span<const NewRecord> tasks, AddMode mode) override;
  void restore(std::span<const TaskRecord> tasks) override;
  std::optional<TaskRecord> find(const std::string& key) override;
  std::vector<TaskRecord> page(std::uint64_t after, std::size_t limit,
                               const ProgressTracker::States& states) override;
  bool erase(const std::string& key) override;
  void clear() override;
  bool replace_value(const std::string& key, std::uint64_t version,
                     std::string_view value) override;
  std::optional<std::uint64_t> change(const std::string& key, TaskChange change) override;
  std::uint64_t retry_exhausted() override;
  std::vector<ClaimedTask> claim(const ClaimRequest& request) override;
  std::vector<std::size_t> settle(std::span<const Settlement> settlements) override;
  std::vector<std::size_t> renew(std::span<const Settlement> claims,
                                 std::chrono::milliseconds lease) override;
  TrackerStatus status() override;
  TrackerSettings settings() override;
  std::uint64_t change_count() override;
  void wait(std::uint64_t seen,
            std::optional<std::chrono::steady_clock::time_point> deadline) override;
  void sync() override;

 private:
  struct ClaimStep;

  void open(const TrackerOptions& options);
  void tidy();
  void start_heartbeat();
  void claim_step(const ClaimRequest& request, ClaimStep& step);
  Reply read(const Script& script, std::span<const Session::Argument> arguments);
  Reply write(const Script& script, std::span<const Session::Argument> arguments, Repeat repeat);

  bool read_only_;
  Session session_;
  Subscriptions subscriptions_;
  std::string owner_;  ///< who claims, for the server: random

  // One claim at a time, so that what a lost reply has given away can be told from the rest.
  std::mutex claims_;
  std::uint64_t last_token_ = 0;  // of the claims that callers have got
  bool claim_was_lost_ = false;
  std::unique_ptr<Heartbeat> heartbeat_;  // from the first claim on
};

}  // namespace h5flume::redis
