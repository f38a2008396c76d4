// The members of DictState for what is batched or held.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume::persistent {

void DictState::keep(std::string_view key, std::shared_ptr<const std::string> text) {
  const auto found = held_.find(key);
  const bool fresh = found == held_.end();
  HeldChange& held = fresh ? held_[std::string(key)] : found->second;
  if (fresh || (!held.text && text)) held.order = ++held_order_;
  if (!text) held.was_erased = true;
  held.text = std::move(text);
}

std::vector<DictState::Held::value_type*> DictState::held_in_order() {
  std::vector<Held::value_type*> ordered;
  ordered.reserve(held_.size());
  for (auto& held : held_) ordered.push_back(&held);
  std::sort(ordered.begin(), ordered.end(), [](const auto* left, const auto* right) {
    return left->second.order < right->second.order;
  });
  return ordered;
}

void DictState::write_held(std::span<Held::value_type* const> held) {
  std::vector<LoggedChange> changes;
  changes.reserve(held.size());
  for (const auto* change : held) {
    const auto& [key, kept] = *change;
    if (kept.was_erased) changes.push_back({.key = key, .value = std::nullopt});
    if (kept.text) changes.push_back({.key = key, .value = *kept.text, .text = kept.text});
  }
  if (changes.empty()) return;
  append(changes);
  if (held.size() == held_.size()) return held_.clear();
  for (const auto* change : held) held_.erase(held_.find(change->first));
}

void DictState::write_all_held() {
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  catch_up_in_gate();
  write_held(held_in_order());
}

void DictState::hold() {
  check_writable();
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void DictState::unhold() {
  check_writable();
  {
    const std::lock_guard lock(mutex_);
    holding_ = false;
  }
  write_all_held();
}

void DictState::sync() {
  check_writable();
  write_all_held();
  const std::lock_guard lock(mutex_);
  log_->sync();
}

void DictState::sync_key(std::string_view key) {
  check_writable();
  const auto pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  catch_up_in_gate();
  const auto held = held_.find(key);
  if (held == held_.end()) return;
  auto* const change = &*held;
  write_held({&change, 1});
  log_->sync();
}

void DictState::revert() {
  check_usable();
  const std::lock_guard lock(mutex_);
  held_.clear();
}

void DictState::mark_dirty(std::string_view key) {
  check_writable();
  const std::lock_guard lock(mutex_);
  const auto value = find_here(key);
  if (!value.text) {
    throw Error(ErrorCode::kNotFound, fmt::format("dict {}: no key {}", path_, key));
  }
  keep(key, value.text);
}

std::vector<std::string> DictState::dirty() {
  check_usable();
  const std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  for (const auto* held : held_in_order()) keys.push_back(held->first);
  return keys;
}

}  // namespace h5flume::persistent
