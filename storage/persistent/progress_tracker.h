#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/persistent/durability.h"
#include "storage/persistent/task.h"

namespace h5flume {

class TrackerStore;
enum class TaskChange;
struct TaskRecord;

struct TrackerOptions {
  /// Makes the tracker if it is not there.
  bool create = true;
  bool read_only = false;

  /// How often a task may be tried; 0: any number of times. Kept with the tracker: nothing leaves
  /// what is kept there, 0 in a new one. A change applies to the tasks that are there at once.
  std::optional<std::uint64_t> max_tries = std::nullopt;

  /// Kept with the tracker like max_tries.
  std::optional<Backoff> backoff = std::nullopt;

  /// kProcess or kPower. On Redis the server's own settings decide, and this is not looked at.
  Durability durability = Durability::kProcess;

  /// How long claims last that are not renewed. A dead process is noticed sooner; this is for one
  /// that hangs.
  std::chrono::milliseconds lease{60'000};
};

/// Which of many tasks are done, which are being worked on and by whom, and which are left: a
/// record on disk that any number of processes share and that no death of any of them can damage.
///
///   ProgressTracker tracker("run7.tracker", {.max_tries = 3});
///   tracker.add_many_if_absent(tasks);
///   while (const auto claim = tracker.wait_and_claim()) {   // until nothing is left to do
///     try {
///       tracker.complete(*claim, process(claim->key));
///     } catch (const std::exception& error) {
///       tracker.fail(*claim, error.what());
///     }
///   }
///
/// A task may be worked on more than once (its worker died, or its lease ran out), and is recorded
/// as done exactly once, together with its result.
///
/// Order: tasks are handed out in the order in which they were added, and those that have failed
/// behind all that have not been tried, in the order in which their waiting time ends.
///
/// Every member is one transaction. Where a key is asked for that is not there, kNotFound is
/// thrown; for a value that is no object, kInvalidArgument.
///
/// Lifetime: destruction leaves claims as they are, and the next who claims takes them for those of
/// a dead process. Threads: all members may be called by any at once. Fork: a child opens the
/// tracker anew; members throw kRefused in it.
class ProgressTracker {
 public:
  /// `address` is the path of a folder, or "redis://HOST[:PORT][/DATABASE][?name=NAME]" for a Redis
  /// or Valkey server that several machines share; docs/redis-tracker.md has the whole form, with a
  /// password, which no message shows. Throws kNotFound, kCorruptData, kRefused (a network file
  /// system, a wrong password), kInvalidArgument (options, or no address), kIo, kUnsupported.
  explicit ProgressTracker(const std::string& address, const TrackerOptions& options = {});
  ProgressTracker(ProgressTracker&&) noexcept;
  ProgressTracker& operator=(ProgressTracker&&) noexcept;
  ~ProgressTracker();

  // --- tasks ------------------------------------------------------------------------------------

  /// Throws kConflict if the key is there already.
  void add(const Key& key, const Json& value = Json::object());

  /// False if the key was there already, and nothing has changed.
  bool add_if_absent(const Key& key, const Json& value = Json::object());

  /// Gives one task after the other, then nothing.
  using TaskSource = std::function<std::optional<NewTask>()>;

  /// As add() for each, some thousands a transaction; returns how many. Those before one that
  /// throws may have been added.
  std::uint64_t add_many(std::span<const NewTask> tasks);
  std::uint64_t add_many(const TaskSource& source);

  /// As add_if_absent() for each; returns how many were new.
  std::uint64_t add_many_if_absent(std::span<const NewTask> tasks);
  std::uint64_t add_many_if_absent(const TaskSource& source);

  /// Merges the members of `members` into a task's value; adds the task if it is not there.
  void update(const Key& key, const Json& members);

  /// Changes a task's value by a function, as one step: if others change it at the same time, the
  /// function is called again with what they made of it. Returns the new value.
  Json update(const Key& key, const std::function<Json(Json)>& change);

  std::optional<Task> find(const Key& key) const;
  bool contains(const Key& key) const;
  std::uint64_t size() const { return status().total; }

  /// False if it is not there.
  bool erase(const Key& key);
  void clear();

  // --- claims -----------------------------------------------------------------------------------

  /// Up to `options.count` tasks that are due, each given to nobody else; none if none is.
  std::vector<Claim> claim(const ClaimOptions& options = {});

  /// As claim(), and waits while none is due but one may become so: because others work on it and
  /// may fail, or because it waits for its next try. Empty when all are done, aborted or exhausted,
  /// or when the timeout has passed.
  std::vector<Claim> wait_and_claim(
      const ClaimOptions& options, std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  /// One task, in the same way.
  std::optional<Claim> wait_and_claim();

  /// What has become of claims; the tokens decide. A claim that has been lost (its lease ran out
  /// and somebody else has the task, or settled it) throws kConflict and changes nothing. Doing the
  /// same twice does no harm. Of several claims, those that are not lost are settled, and then it
  /// throws.
  void complete(const Claim& claim, const Json& result = nullptr);
  void complete(std::span<const Claim> claims, std::span<const Json> results = {});
  void fail(const Claim& claim, const std::string& error = {});
  void release(const Claim& claim);  ///< as if it had never been claimed
  void release(std::span<const Claim> claims);

  /// Makes claims last for another `lease` from now on. Throws kConflict as complete() does.
  void renew(std::span<const Claim> claims,
             std::optional<std::chrono::milliseconds> lease = std::nullopt);

  // --- by key, whoever works on it
  // ----------------------------------------------------------------

  void mark_done(const Key& key);      ///< a claim on it is lost
  void mark_not_done(const Key& key);  ///< its result is dropped
  void abort(const Key& key);          ///< no effect on a done one; a claim on it is lost
  void unabort(const Key& key);
  std::uint64_t increment_tries(const Key& key);  ///< returns the new number
  std::uint64_t decrement_tries(const Key& key);  ///< not below 0
  void reset_tries(const Key& key);

  std::uint64_t tries(const Key& key) const;
  bool done(const Key& key) const;  ///< false for a key that is not there
  bool aborted(const Key& key) const;

  /// Whether it is neither done nor aborted (unless allowed) and has tries left.
  bool should_do(const Key& key, bool allow_aborted = false) const;
  bool should_do_add(const Key& key, bool allow_aborted = false);  ///< adds it if it is not there

  /// The same, and claims it; nothing if it is not to be done now, or somebody else works on it.
  std::optional<Claim> should_try(const Key& key, bool allow_aborted = false);
  std::optional<Claim> should_try_add(const Key& key, bool allow_aborted = false);

  /// All exhausted tasks back to todo, with no tries; returns how many.
  std::uint64_t retry_exhausted();

  // --- iteration
  // ----------------------------------------------------------------------------------

  /// Which tasks an iteration visits: all, or those in any of these states.
  using States = std::vector<TaskState>;

  /// Visits tasks in the order in which they were added, those that are added meanwhile too, some
  /// hundred read at a time: what is visited is as fresh as that. Stops where `visit` returns
  /// false.
  void for_each(const std::function<bool(const Task&)>& visit, const States& states = {}) const;

  /// Those that should_do(), without claiming them.
  void for_each_todo(const std::function<bool(const Task&)>& visit,
                     bool allow_aborted = false) const;

  /// Claims one task after the other in the order in which they were added, each at most once, and
  /// calls `attempt` with it. What attempt() has neither completed, failed nor released when it
  /// returns counts as a failed try. Stops where it returns false. When it throws, the claim is
  /// failed with that message and the exception goes on.
  void try_each(const std::function<bool(const Claim&)>& attempt, bool allow_aborted = false);

  // --- numbers
  // ------------------------------------------------------------------------------------

  TrackerStatus status() const;

  std::uint64_t num_done() const { return status().done; }
  std::uint64_t num_not_done() const;
  std::uint64_t num_tried() const { return status().tried; }
  std::uint64_t num_not_tried() const;
  std::uint64_t num_aborted() const { return status().aborted; }
  std::uint64_t num_not_aborted() const;

  /// Of all tasks, 0 to 1; of an empty tracker nan.
  double fraction_done() const;
  double fraction_not_done() const { return 1 - fraction_done(); }
  double fraction_tried() const;
  double fraction_not_tried() const { return 1 - fraction_tried(); }
  double fraction_aborted() const;
  double fraction_not_aborted() const { return 1 - fraction_aborted(); }

  /// The same as text, with two places: "12.50%".
  std::string percent_done() const;
  std::string percent_not_done() const;
  std::string percent_tried() const;
  std::string percent_not_tried() const;
  std::string percent_aborted() const;
  std::string percent_not_aborted() const;

  std::uint64_t max_tries() const;
  Backoff backoff() const;

  /// Makes all that has been acknowledged survive the machine's going down too.
  void sync();

  /// What it was opened with, but for a password, for messages.
  const std::string& address() const noexcept { return address_; }

  /// Puts a whole task in place, as an import does: added, or in place of what is there. A leased
  /// one becomes todo.
  void restore(std::span<const Task> tasks);

 private:
  std::uint64_t change(const Key& key, TaskChange kind);
  TaskRecord record(const Key& key) const;
  bool is_anything_left(const ClaimOptions& options) const;

  std::string address_;
  TrackerOptions options_;
  std::unique_ptr<TrackerStore> store_;
};

}  // namespace h5flume
