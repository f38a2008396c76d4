#include <algorithm>
#include <utility>

#include "storage/persistent/dict/dict_cache_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::size_t kEntryBytes = 160;  // of the map and the pointers, about
constexpr std::size_t kMostPendingBytes =
    ChangeLog::kMostBytes + std::size_t{ChangeLog::kMostKeys} * kEntryBytes;

}  // namespace

const DictCache::Entry* DictCache::find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

DictCache::Entries::value_type& DictCache::entry_of(std::string_view key) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) return *found;
  bytes_ += kEntryBytes + key.size();
  return *entries_.try_emplace(std::string(key)).first;
}

void DictCache::set_value(Entry& entry, SharedText value) {
  bytes_ -= (*entry.value).size();
  bytes_ += (*value).size();
  entry.value = std::move(value);
}

const DictCache::Entry& DictCache::learn(std::string_view key, const std::optional<DictRow>& row) {
  make_room();
  Entry& entry = entry_of(key).second;
  set_value(entry, row ? SharedText(row->value) : SharedText());
  entry.version = row ? row->version : 0;
  entry.sequence = row ? row->sequence : 0;
  entry.is_known = true;
  return entry;
}

void DictCache::apply(const LoggedChange& change) {
  make_room();
  auto& node = entry_of(change.key);
  Entry& entry = node.second;
  growth_ += change.value ? 1 : 0;
  if (entry.value) --growth_;
  if (!entry.pending) {
    if (!entry.is_known) unsure_.push_back(&node);
    entry.is_known = true;
    entry.pending = true;
    entry.was_erased = false;
    entry.order = change.version;
    pending_.push_back(&node);
  } else if (!entry.value) {
    entry.order = change.version;
    pending_in_order_ = false;
  }
  if (!change.value) {
    entry.was_erased = true;
    entry.sequence = 0;
    entry.version = 0;
    set_value(entry, {});
    return;
  }
  entry.version = change.version;
  set_value(entry, change.text ? change.text : SharedText(*change.value));
}

std::vector<DictChange> DictCache::pending() {
  if (!std::exchange(pending_in_order_, true)) {
    std::sort(pending_.begin(), pending_.end(), [](const auto* left, const auto* right) {
      return left->second.order < right->second.order;
    });
  }
  std::vector<DictChange> changes;
  changes.reserve(pending_.size());
  for (const auto* node : pending_) {
    const auto& [key, entry] = *node;
    std::optional<std::string_view> value;
    if (entry.value) value = *entry.value;
    changes.push_back({.key = key,
                       .value = value,
                       .version = entry.version,
                       .goes_last = entry.was_erased,
                       .sequence = entry.sequence});
  }
  return changes;
}

void DictCache::settle(std::span<const DictChange> applied) {
  for (std::size_t index = 0; index < pending_.size(); ++index) {
    Entry& entry = pending_[index]->second;
    entry.pending = false;
    if (index < applied.size()) entry.sequence = applied[index].sequence;
  }
  nothing_is_pending();
}

void DictCache::nothing_is_pending() {
  pending_.clear();
  pending_in_order_ = true;
  unsure_.clear();
  growth_ = 0;
}

std::int64_t DictCache::growth(const std::function<bool(std::string_view key)>& engine_has) {
  for (const auto* node : unsure_) growth_ -= engine_has(node->first) ? 1 : 0;
  unsure_.clear();
  return growth_;
}

void DictCache::clear() {
  entries_.clear();
  nothing_is_pending();
  bytes_ = 0;
}

// Half of what can go goes, whichever it is: cheaper than to remember what was used last.
void DictCache::make_room() {
  if (bytes_ <= limit_bytes_ + kMostPendingBytes || pending_.size() == entries_.size()) return;
  bool goes = true;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto& entry = at->second;
    if (!entry.pending) goes = !goes;
    if (entry.pending || !goes) {
      ++at;
      continue;
    }
    bytes_ -= kEntryBytes + at->first.size() + (*entry.value).size();
    at = entries_.erase(at);
  }
}

}  // namespace h5flume::persistent
