// The members of DictState that write to the log and to the engine.

#include <algorithm>
#include <utility>

#include "core/test_point.h"
#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume::persistent {
namespace {

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
    return cache_.pending_count() + changes.size() <= std::size_t{ChangeLog::kMostKeys} &&
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
  DictCache together(0);  // what all of them make of each key
  for (auto& change : changes) {
    change.version = ++version;
    together.apply(change);
  }
  auto all = together.pending();
  log_->announce(generation);
  engine_->apply(all, generation, version);
  test_point("dict.given", generation);
  log_->set_last_version(version);
  log_->restart(generation);
  catch_up();
}

// What a change replaces that was only marked as changed is not to be written any more.
void DictState::write(LoggedChange change) {
  append({&change, 1});
  drop_marked(change.key);
}

void DictState::drop_marked(std::string_view key) {
  if (holds() || held_.empty()) return;
  const auto found = held_.find(key);
  if (found != held_.end()) held_.erase(found);
}

bool DictState::held_back(const std::function<void()>& keep_changes) {
  {
    const auto lock = look();
    if (!holds()) return false;
    keep_changes();
    if (!is_batch_full()) return true;
  }
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  if (closed_ || !is_batch_full()) return true;  // somebody else has written the batch
  catch_up_in_gate();
  write_all_held();
  return true;
}

void DictState::set(std::string_view key, std::string_view text) {
  check_writable();
  const SharedText shared(text);
  if (held_back([&] { keep(key, shared); })) return;
  const auto inside = enter();
  if (holds()) return keep(key, shared);  // since a moment ago
  write({.key = key, .value = *shared, .text = shared});
}

void DictState::set_all(std::span<const std::pair<std::string, std::string>> entries) {
  check_writable();
  const auto keep_all = [&] {
    for (const auto& [key, text] : entries) keep(key, SharedText(text));
  };
  if (entries.empty() || held_back(keep_all)) return;
  std::vector<LoggedChange> changes;
  changes.reserve(entries.size());
  for (const auto& [key, text] : entries) changes.push_back({.key = key, .value = text});
  const auto inside = enter();
  if (holds()) return keep_all();
  append(changes);
  for (const auto& change : changes) drop_marked(change.key);
}

bool DictState::erase(std::string_view key) {
  bool was_there = false;
  transform(key, [&](const StoredValue& value) {
    was_there = static_cast<bool>(value.text);
    return std::nullopt;
  });
  return was_there;
}

void DictState::transform(std::string_view key, const Change& change) {
  check_writable();
  const auto pass = gate_.enter();
  for (;;) {
    auto lock = look();
    catch_up_in_gate();
    const bool held = holds();
    const StoredValue before = find_here(key);
    lock.unlock();  // `change` may use the dict
    const auto text = change(before);
    if (!text && !before.text) return;
    if (text && before.text && *text == *before.text) return;
    lock.lock();
    if (!held) {
      return write(
          {.key = key, .value = text ? std::optional<std::string_view>(*text) : std::nullopt});
    }
    // What is held other threads may have changed meanwhile, who need no gate for that.
    if (find_here(key).text != before.text) continue;
    keep(key, text ? SharedText(*text) : SharedText());
    if (is_batch_full()) write_all_held();
    return;
  }
}

void DictState::clear() {
  const auto inside = enter();
  const std::uint64_t generation = read_to_.generation + 2;
  log_->announce(generation);
  engine_->clear(generation, log_->last_version());
  log_->restart(generation);
  held_.clear();
  catch_up();
}

}  // namespace h5flume::persistent
