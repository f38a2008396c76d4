// The members of DictState for what is batched or held.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume::persistent {

void DictState::keep(std::string_view key, SharedText text) {
  const auto [at, fresh] = held_.try_emplace(std::string(key));
  HeldChange& held = at->second;
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

void DictState::hold() {
  check_writable();
  const auto lock = look();
  holding_ = true;
}

// In one step: what another thread sets afterwards must not be overtaken by what was held before.
void DictState::unhold() {
  const auto inside = enter();
  write_all_held();
  holding_ = false;
}

void DictState::sync() {
  {
    const auto inside = enter();
    write_all_held();
  }
  const std::lock_guard lock(mutex_);  // others may write meanwhile
  log_->sync();
}

void DictState::sync_key(std::string_view key) {
  const auto inside = enter();
  const auto held = held_.find(key);
  if (held == held_.end()) return;
  auto* const change = &*held;
  write_held({&change, 1});
  log_->sync();
}

void DictState::revert() {
  const auto lock = look();
  held_.clear();
}

void DictState::mark_dirty(std::string_view key) {
  check_writable();
  const auto lock = look();
  const auto value = find_here(key);
  if (!value.text) {
    throw Error(ErrorCode::kNotFound, fmt::format("dict {}: no key {}", path_, key));
  }
  keep(key, value.text);
}

std::vector<std::string> DictState::dirty() {
  const auto lock = look();
  std::vector<std::string> keys;
  for (const auto* held : held_in_order()) keys.push_back(held->first);
  return keys;
}

}  // namespace h5flume::persistent
