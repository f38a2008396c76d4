// The members of DictState that write to the log and to the engine.

#include <algorithm>
#include <utility>

#include "core/test_point.h"
#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::size_t kMostPending = 65'536;

std::size_t bytes_of(std::span<const LoggedChange> changes) {
  std::size_t bytes = 0;
  for (const auto& change : changes) {
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  }
  return bytes;
}

}  // namespace

void DictState::append(std::span<LoggedChange> changes) {
  const auto bytes = bytes_of(changes);
  const auto fits = [&] {
    return cache_.pending_count() + changes.size() <= kMostPending &&
           log_->has_room(changes.size(), bytes);
  };
  if (!fits()) give_to_engine();
  if (!fits()) return apply_directly(changes);
  log_->append(changes, is_durable());
  for (const auto& change : changes) cache_.apply(change);
  read_to_ = log_->position();
}

void DictState::give_to_engine() {
  if (read_to_ == ChangeLog::begin_of(read_to_.generation)) return;
  const std::uint64_t generation = read_to_.generation + 1;
  log_->announce(generation);
  test_point("dict.announced", generation);
  auto changes = cache_.pending();
  engine_->apply(changes, generation, log_->last_version());
  test_point("dict.given", generation);
  log_->restart(generation);
  cache_.settle(changes);
  read_to_ = ChangeLog::begin_of(static_cast<std::uint32_t>(generation));
}

// Two generations on, so that whoever has not seen these changes forgets what it knows.
void DictState::apply_directly(std::span<LoggedChange> changes) {
  const std::uint64_t generation = read_to_.generation + 2;
  std::uint64_t version = log_->last_version();
  std::vector<DictChange> all;
  all.reserve(changes.size());
  for (auto& change : changes) {
    change.version = ++version;
    all.push_back({.key = change.key, .value = change.value, .version = version});
  }
  log_->announce(generation);
  engine_->apply(all, generation, version);
  test_point("dict.given", generation);
  log_->set_last_version(version);
  log_->restart(generation);
  catch_up();
}

void DictState::write(LoggedChange change) {
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  catch_up_in_gate();
  append({&change, 1});
}

void DictState::set(std::string_view key, std::string_view text) {
  check_writable();
  {
    const std::lock_guard lock(mutex_);
    if (holds()) {
      keep(key, std::make_shared<const std::string>(text));
      if (holding_ || held_.size() < options_.sync_at) return;
    }
  }
  if (options_.durability == Durability::kBatched) return write_all_held();
  write({.key = key, .value = text});
}

void DictState::set_all(std::span<const std::pair<std::string, std::string>> entries) {
  check_writable();
  {
    const std::lock_guard lock(mutex_);
    if (holds()) {
      for (const auto& [key, text] : entries) {
        keep(key, std::make_shared<const std::string>(text));
      }
      if (holding_ || held_.size() < options_.sync_at) return;
    }
  }
  if (options_.durability == Durability::kBatched) return write_all_held();
  std::vector<LoggedChange> changes;
  changes.reserve(entries.size());
  for (const auto& [key, text] : entries) changes.push_back({.key = key, .value = text});
  if (changes.empty()) return;
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  catch_up_in_gate();
  append(changes);
}

bool DictState::erase(std::string_view key) {
  bool was_there = false;
  transform(key, [&](const StoredValue& value) {
    was_there = value.text != nullptr;
    return std::nullopt;
  });
  return was_there;
}

void DictState::transform(std::string_view key, const Change& change) {
  check_writable();
  const auto pass = gate_.enter();
  for (;;) {
    std::unique_lock lock(mutex_);
    catch_up_in_gate();
    const bool held = holds();
    const StoredValue before = held ? find_here(key) : find_shared(key);
    lock.unlock();  // `change` may use the dict
    const auto text = change(before);
    if (!text && !before.text) return;
    if (text && before.text && *text == *before.text) return;
    lock.lock();
    if (!held) {
      LoggedChange logged{.key = key,
                          .value = text ? std::optional<std::string_view>(*text) : std::nullopt};
      return append({&logged, 1});
    }
    // What is held other threads may have changed meanwhile, who need no gate for that.
    if (find_here(key).text != before.text) continue;
    keep(key, text ? std::make_shared<const std::string>(*text) : nullptr);
    if (!holding_ && held_.size() >= options_.sync_at) write_held(held_in_order());
    return;
  }
}

void DictState::clear() {
  check_writable();
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  catch_up_in_gate();
  held_.clear();
  const std::uint64_t generation = read_to_.generation + 2;
  log_->announce(generation);
  engine_->clear(generation, log_->last_version());
  log_->restart(generation);
  catch_up();
}

}  // namespace h5flume::persistent
