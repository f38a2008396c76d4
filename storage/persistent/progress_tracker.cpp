// Opening, tasks, and numbers. Claims and iteration are in progress_claims.cpp.

#include "storage/persistent/progress_tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "storage/persistent/redis/redis_address_internal.h"
#include "storage/persistent/tracker/task_text_internal.h"

namespace h5flume {
namespace {

using persistent::task_name;
using persistent::task_of;
using persistent::task_value_text;

constexpr std::size_t kTasksAtOnce = 4096;

void check(const TrackerOptions& options, const std::string& address) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("open tracker {}: {}", redis::without_password(address), why));
  };
  if (address.empty()) refuse("it has no path");
  if (options.durability == Durability::kBatched) {
    refuse("its changes cannot be batched, because others have to see them; claim more at once");
  }
  if (options.lease.count() <= 0) refuse("a lease of no time");
  if (options.max_tries.value_or(0) > std::numeric_limits<std::int32_t>::max()) {
    refuse("max_tries of more than 2^31 - 1");
  }
  if (!options.backoff) return;
  const auto& backoff = *options.backoff;
  if (backoff.first.count() < 0 || backoff.longest.count() < 0 || !std::isfinite(backoff.factor) ||
      backoff.factor < 1) {
    refuse("a backoff with a negative time, or with a factor below 1");
  }
}

std::unique_ptr<TrackerStore> open_store(const std::string& address,
                                         const TrackerOptions& options) {
  check(options, address);
  return redis::is_address(address) ? open_redis_tracker(address, options)
                                    : open_sqlite_tracker(address, options);
}

// Gives tasks to `add`, some thousands at a time.
std::uint64_t in_batches(
    const ProgressTracker::TaskSource& source, const std::string& address,
    const std::function<std::uint64_t(std::span<const TrackerStore::NewRecord>)>& add) {
  std::vector<TrackerStore::NewRecord> batch;
  std::uint64_t added = 0;
  for (auto task = source();; task = source()) {
    if (task) {
      const auto& key = task->key.json_text();
      batch.push_back({key, task_value_text(task->value, task_name(key, address))});
      if (batch.size() < kTasksAtOnce) continue;
    }
    if (!batch.empty()) added += add(batch);
    batch.clear();
    if (!task) return added;
  }
}

ProgressTracker::TaskSource source_of(std::span<const NewTask> tasks) {
  return [tasks, next = std::size_t{0}]() mutable -> std::optional<NewTask> {
    if (next == tasks.size()) return std::nullopt;
    return tasks[next++];
  };
}

[[noreturn]] void throw_not_there(const Key& key, const std::string& address) {
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: it is not there", task_name(key.json_text(), address)));
}

double fraction(std::uint64_t part, std::uint64_t total) {
  return total == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(part) / static_cast<double>(total);
}

std::string percent(double fraction) { return fmt::format("{:.2f}%", 100 * fraction); }

}  // namespace

ProgressTracker::ProgressTracker(const std::string& address, const TrackerOptions& options)
    : address_(redis::without_password(address)),
      options_(options),
      store_(open_store(address, options)) {}

ProgressTracker::ProgressTracker(ProgressTracker&&) noexcept = default;
ProgressTracker& ProgressTracker::operator=(ProgressTracker&&) noexcept = default;
ProgressTracker::~ProgressTracker() = default;

// --- tasks --------------------------------------------------------------------------------------

void ProgressTracker::add(const Key& key, const Json& value) {
  add_many(std::array{NewTask{key, value}});
}

bool ProgressTracker::add_if_absent(const Key& key, const Json& value) {
  return add_many_if_absent(std::array{NewTask{key, value}}) == 1;
}

std::uint64_t ProgressTracker::add_many(std::span<const NewTask> tasks) {
  return add_many(source_of(tasks));
}

std::uint64_t ProgressTracker::add_many(const TaskSource& source) {
  return in_batches(source, address_,
                    [&](auto batch) { return store_->add(batch, AddMode::kMustBeNew); });
}

std::uint64_t ProgressTracker::add_many_if_absent(std::span<const NewTask> tasks) {
  return add_many_if_absent(source_of(tasks));
}

std::uint64_t ProgressTracker::add_many_if_absent(const TaskSource& source) {
  return in_batches(source, address_,
                    [&](auto batch) { return store_->add(batch, AddMode::kIfAbsent); });
}

void ProgressTracker::update(const Key& key, const Json& members) {
  task_value_text(members, task_name(key.json_text(), address_));
  while (!contains(key)) {
    if (add_if_absent(key, members)) return;
  }
  update(key, [&](Json value) {
    value.update(members);
    return value;
  });
}

Json ProgressTracker::update(const Key& key, const std::function<Json(Json)>& change) {
  const auto name = task_name(key.json_text(), address_);
  for (;;) {
    const auto record = store_->find(key.json_text());
    if (!record) throw_not_there(key, address_);
    auto value = change(task_of(*record, address_).value);
    const auto text = task_value_text(value, name);
    if (store_->replace_value(record->key, record->version, text)) return value;
  }
}

std::optional<Task> ProgressTracker::find(const Key& key) const {
  const auto record = store_->find(key.json_text());
  if (!record) return std::nullopt;
  return task_of(*record, address_);
}

bool ProgressTracker::contains(const Key& key) const {
  return store_->find(key.json_text()).has_value();
}

bool ProgressTracker::erase(const Key& key) { return store_->erase(key.json_text()); }

void ProgressTracker::clear() { store_->clear(); }

void ProgressTracker::restore(std::span<const Task> tasks) {
  for (std::size_t first = 0; first < tasks.size(); first += kTasksAtOnce) {
    std::vector<TaskRecord> records;
    for (const auto& task : tasks.subspan(first, std::min(kTasksAtOnce, tasks.size() - first))) {
      const auto name = task_name(task.key.json_text(), address_);
      records.push_back(
          {.key = task.key.json_text(),
           .value = task_value_text(task.value, name),
           .result = task.result.is_null() ? std::string() : to_json_text(task.result, name),
           .error = task.error,
           .state = task.state,
           .tries = task.tries});
    }
    store_->restore(records);
  }
}

// --- by key -------------------------------------------------------------------------------------

std::uint64_t ProgressTracker::change(const Key& key, TaskChange kind) {
  const auto tries = store_->change(key.json_text(), kind);
  if (!tries) throw_not_there(key, address_);
  return *tries;
}

void ProgressTracker::mark_done(const Key& key) { change(key, TaskChange::kMarkDone); }
void ProgressTracker::mark_not_done(const Key& key) { change(key, TaskChange::kMarkNotDone); }
void ProgressTracker::abort(const Key& key) { change(key, TaskChange::kAbort); }
void ProgressTracker::unabort(const Key& key) { change(key, TaskChange::kUnabort); }
void ProgressTracker::reset_tries(const Key& key) { change(key, TaskChange::kResetTries); }

std::uint64_t ProgressTracker::increment_tries(const Key& key) {
  return change(key, TaskChange::kIncrementTries);
}

std::uint64_t ProgressTracker::decrement_tries(const Key& key) {
  return change(key, TaskChange::kDecrementTries);
}

TaskRecord ProgressTracker::record(const Key& key) const {
  auto record = store_->find(key.json_text());
  if (!record) throw_not_there(key, address_);
  return std::move(*record);
}

std::uint64_t ProgressTracker::tries(const Key& key) const { return record(key).tries; }

bool ProgressTracker::aborted(const Key& key) const {
  return record(key).state == TaskState::kAborted;
}

bool ProgressTracker::done(const Key& key) const {
  const auto found = store_->find(key.json_text());
  return found && found->state == TaskState::kDone;
}

std::uint64_t ProgressTracker::retry_exhausted() { return store_->retry_exhausted(); }

// --- numbers ------------------------------------------------------------------------------------

TrackerStatus ProgressTracker::status() const { return store_->status(); }

std::uint64_t ProgressTracker::num_not_done() const {
  const auto now = status();
  return now.total - now.done;
}

std::uint64_t ProgressTracker::num_not_tried() const {
  const auto now = status();
  return now.total - now.tried;
}

std::uint64_t ProgressTracker::num_not_aborted() const {
  const auto now = status();
  return now.total - now.aborted;
}

double ProgressTracker::fraction_done() const {
  const auto now = status();
  return fraction(now.done, now.total);
}

double ProgressTracker::fraction_tried() const {
  const auto now = status();
  return fraction(now.tried, now.total);
}

double ProgressTracker::fraction_aborted() const {
  const auto now = status();
  return fraction(now.aborted, now.total);
}

std::string ProgressTracker::percent_done() const { return percent(fraction_done()); }
std::string ProgressTracker::percent_not_done() const { return percent(fraction_not_done()); }
std::string ProgressTracker::percent_tried() const { return percent(fraction_tried()); }
std::string ProgressTracker::percent_not_tried() const { return percent(fraction_not_tried()); }
std::string ProgressTracker::percent_aborted() const { return percent(fraction_aborted()); }
std::string ProgressTracker::percent_not_aborted() const { return percent(fraction_not_aborted()); }

std::uint64_t ProgressTracker::max_tries() const { return store_->settings().max_tries; }
Backoff ProgressTracker::backoff() const { return store_->settings().backoff; }
void ProgressTracker::sync() { store_->sync(); }

}  // namespace h5flume
