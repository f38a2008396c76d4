#include <algorithm>
#include <stdexcept>

#include "storage/shared/replica_internal.h"

namespace h5flume::shared {
namespace {

constexpr std::size_t kSnapshotFrameBytes = std::size_t{32} << 10U;
constexpr std::size_t kEntriesInBlock = 64;

// Of the places in the hash table. More makes it smaller, so that more of it is in the cache, and
// the way to an entry longer.
constexpr float kMostLoad = 0.5F;

}  // namespace

Replica::Replica() { index_.max_load_factor(kMostLoad); }
Replica::~Replica() = default;

const Replica::Node* Replica::node(std::uint32_t number) const noexcept {
  if (number == kRootNode) return &root_;
  const auto found = nodes_.find(number);
  return found == nodes_.end() ? nullptr : &found->second;
}

Replica::Entry* Replica::make_entry() {
  if (free_) {
    Entry* const entry = free_;
    free_ = entry->next;
    return entry;
  }
  if (blocks_.empty() || used_in_block_ == kEntriesInBlock) {
    blocks_.push_back(std::make_unique<Entry[]>(kEntriesInBlock));
    used_in_block_ = 0;
  }
  return &blocks_.back()[used_in_block_++];
}

Replica::Entry* Replica::set(const Place& place, const PlainValue& value) {
  Entry* entry = find(place);
  if (entry) {
    live_bytes_ -= bytes_of(plain(*entry));
    live_bytes_ += bytes_of(value);
    drop_value(*entry);
    entry->value.assign(value.kind, value.word, value.text);
    return entry;
  }
  entry = make_entry();
  entry->text.assign(place.key.text());
  entry->number = place.key.number();
  entry->is_text = place.key.is_text();
  entry->node = place.node;
  entry->value.assign(value.kind, value.word, value.text);
  index_.insert(entry);
  Node& node = *find_node(place.node);
  entry->previous = node.last;
  entry->next = nullptr;
  (node.last ? node.last->next : node.first) = entry;
  node.last = entry;
  ++node.size;
  live_bytes_ += bytes_to_set(place.key, value);
  return entry;
}

bool Replica::add_node(std::uint32_t number, std::uint32_t parent) {
  const Node* const above = node(parent);
  if (!above || above->level >= kMostLevels || number == kRootNode) return false;
  const int level = above->level + 1;
  const bool is_new = nodes_.try_emplace(number, Node{.level = level}).second;
  if (is_new && number >= next_node_) next_node_ = number + 1;
  return is_new;
}

bool Replica::erase(const Place& place) {
  const auto found = index_.find(place, place.hash);
  if (found == index_.end()) return false;
  drop(found);
  return true;
}

void Replica::drop(Index::iterator found) {
  Entry* const entry = *found;
  index_.erase(found);
  Node& node = *find_node(entry->node);
  (entry->previous ? entry->previous->next : node.first) = entry->next;
  (entry->next ? entry->next->previous : node.last) = entry->previous;
  --node.size;
  live_bytes_ -= bytes_to_set(entry->key(), plain(*entry));
  drop_value(*entry);
  entry->value.assign(SharedKind::kNull, 0, {});
  entry->next = free_;
  free_ = entry;
}

void Replica::drop_value(Entry& entry) {
  if (entry.value.kind() != SharedKind::kDict) return;
  const auto number = static_cast<std::uint32_t>(entry.value.word());
  clear_node(number);
  nodes_.erase(number);
}

void Replica::clear_node(std::uint32_t number) {
  const Node* const its = node(number);
  while (its && its->first) erase(Place(number, its->first->key()));
}

void Replica::clear() {
  index_.clear();
  nodes_.clear();
  blocks_.clear();
  free_ = nullptr;
  root_ = {};
  next_node_ = kRootNode + 1;
  live_bytes_ = 0;
  used_in_block_ = 0;
  version = 0;
}

bool Replica::apply(FrameReader& reader) {
  ReadOperation operation;
  while (reader.next(operation)) {
    if (!node(operation.node)) return false;
    switch (operation.what) {
      case Operation::kSet: {
        if (operation.value.kind == SharedKind::kDict) {
          const auto number = static_cast<std::uint32_t>(operation.value.word);
          if (number != operation.value.word || !add_node(number, operation.node)) return false;
        }
        set(Place(operation.node, operation.key), operation.value);
        break;
      }
      case Operation::kErase:
        if (!erase(Place(operation.node, operation.key))) return false;
        break;
      case Operation::kClear:
        clear_node(operation.node);
        break;
    }
  }
  return reader.is_valid();
}

std::string Replica::snapshot() const {
  std::string frames;
  frames.reserve(live_bytes_ + live_bytes_ / 256 + 64);
  FrameWriter writer;
  append_snapshot(frames, writer, root_);
  if (!writer.empty()) frames += writer.finish(frames.size());
  return frames;
}

void Replica::append_snapshot(std::string& frames, FrameWriter& writer, const Node& node) const {
  for (const Entry* entry = node.first; entry; entry = entry->next) {
    writer.set(entry->node, entry->key(), plain(*entry));
    if (writer.frame_bytes() >= kSnapshotFrameBytes) {
      frames += writer.finish(frames.size());
      writer.clear();
    }
    if (entry->value.kind() == SharedKind::kDict) {
      append_snapshot(frames, writer, nodes_.at(static_cast<std::uint32_t>(entry->value.word())));
    }
  }
}

}  // namespace h5flume::shared
