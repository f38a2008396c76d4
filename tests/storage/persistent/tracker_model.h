#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/persistent/progress_tracker.h"

namespace h5flume::test {

// What a tracker is to do, as plainly as it can be said: for one user, without waiting times. A
// number that grows stands for the time.
class TrackerModel {
 public:
  struct Entry {
    Key key;
    Json value;
    Json result = nullptr;
    std::string error = {};
    TaskState state = TaskState::kTodo;
    std::uint64_t tries = 0;
    std::uint64_t failed_at = 0;  // 0: never
    std::uint64_t token = 0;      // of the claim that holds it
    bool was_aborted = false;
  };

  explicit TrackerModel(std::uint64_t max_tries) : max_tries_(max_tries) {}

  const std::map<std::uint64_t, Entry>& entries() const { return entries_; }

  Entry* find(const Key& key) {
    for (auto& [sequence, entry] : entries_) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }

  bool add(const Key& key, const Json& value) {
    if (find(key)) return false;
    entries_.emplace(++last_sequence_, Entry{.key = key, .value = value});
    return true;
  }

  bool erase(const Key& key) {
    return std::erase_if(entries_, [&](const auto& entry) { return entry.second.key == key; }) > 0;
  }

  // Those that a claim of `count` would take, in its order.
  std::vector<Entry*> due(std::size_t count, bool allow_aborted) {
    std::vector<Entry*> found;
    for (auto& [sequence, entry] : entries_) {
      const bool aborted = entry.state == TaskState::kAborted && allow_aborted && has_left(entry);
      if (entry.state == TaskState::kTodo || aborted) found.push_back(&entry);
    }
    std::stable_sort(found.begin(), found.end(), [](const Entry* one, const Entry* other) {
      return one->failed_at < other->failed_at;
    });
    found.resize(std::min(found.size(), count));
    return found;
  }

  static void claim(Entry& entry, std::uint64_t token) {
    entry.was_aborted = entry.state == TaskState::kAborted;
    entry.state = TaskState::kLeased;
    entry.tries += 1;
    entry.token = token;
  }

  Entry* holder_of(std::uint64_t token) {
    for (auto& [sequence, entry] : entries_) {
      if (entry.state == TaskState::kLeased && entry.token == token) return &entry;
    }
    return nullptr;
  }

  static void complete(Entry& entry, const Json& result) {
    entry.state = TaskState::kDone;
    entry.result = result;
  }

  void tick() { ++now_; }  // those that fail between two ticks fail at once

  void fail(Entry& entry) {
    entry.failed_at = now_;
    put_back(entry);
  }

  void release(Entry& entry) {
    set_tries(entry, entry.tries > 0 ? entry.tries - 1 : 0);
    put_back(entry);
  }

  void set_tries(Entry& entry, std::uint64_t tries) {
    entry.tries = tries;
    if (tries == 0) entry.failed_at = 0;
    if (entry.state == TaskState::kTodo || entry.state == TaskState::kExhausted) {
      entry.state = has_left(entry) ? TaskState::kTodo : TaskState::kExhausted;
    }
  }

  void set_todo(Entry& entry) {
    entry.state = TaskState::kTodo;
    set_tries(entry, entry.tries);
  }

  TrackerStatus status() const {
    TrackerStatus status{.total = entries_.size()};
    for (const auto& [sequence, entry] : entries_) {
      status.todo += entry.state == TaskState::kTodo;
      status.leased += entry.state == TaskState::kLeased;
      status.done += entry.state == TaskState::kDone;
      status.aborted += entry.state == TaskState::kAborted;
      status.exhausted += entry.state == TaskState::kExhausted;
      status.tried += entry.tries > 0;
      status.tries += entry.tries;
    }
    return status;
  }

 private:
  bool has_left(const Entry& entry) const { return max_tries_ == 0 || entry.tries < max_tries_; }

  void put_back(Entry& entry) {
    if (entry.was_aborted) {
      entry.state = TaskState::kAborted;
    } else {
      set_todo(entry);
    }
  }

  std::uint64_t max_tries_;
  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t now_ = 1;
};

}  // namespace h5flume::test
