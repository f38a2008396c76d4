#pragma once

#include <tsl/robin_set.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/shared/frame_internal.h"
#include "storage/shared/short_text_internal.h"

namespace h5flume::shared {

// The local copy of a shared dict: all entries of all its nodes in one hash table, and those of
// each node in a list in the order in which their keys were first set.
//
// Threads: for one.
class Replica {
 public:
  Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;
  ~Replica();

  // The key and a number's value lie in the first 64 bytes: one cache line for most reads.
  struct alignas(64) Entry {
    std::string text;  // of the key
    std::int64_t number = 0;
    std::uint32_t node = 0;
    bool is_text = false;
    SharedValue value;
    Entry* previous = nullptr;
    Entry* next = nullptr;

    SharedKeyView key() const noexcept {
      return is_text ? SharedKeyView(text) : SharedKeyView(number);
    }
  };

  struct Node {
    Entry* first = nullptr;
    Entry* last = nullptr;
    std::size_t size = 0;
    int level = 0;  // 0 for the root
  };

  // A key with its hash, made once for several uses.
  struct Place {
    Place(std::uint32_t of_node, SharedKeyView of_key) noexcept
        : key(of_key), node(of_node), hash(hash_of(of_node, of_key)) {}
    SharedKeyView key;
    std::uint32_t node;
    std::size_t hash;
  };

  Entry* find(const Place& place) const noexcept {
    const auto found = index_.find(place, place.hash);
    return found == index_.end() ? nullptr : *found;
  }
  Entry* find(std::uint32_t node, const SharedKeyView& key) const noexcept {
    const auto found = index_.find(Wanted{key, node}, hash_of(node, key));
    return found == index_.end() ? nullptr : *found;
  }

  // Gives nullptr for a node that does not exist.
  const Node* node(std::uint32_t number) const noexcept;

  // Sets it; at the end if it is new. The node exists. A nested dict must be new, see add_node().
  Entry* set(const Place& place, const PlainValue& value);
  bool erase(const Place& place);
  void clear_node(std::uint32_t number);
  void clear();  // as in the beginning, version included

  // Makes the empty node of a nested dict. False if there is one, or too many levels.
  bool add_node(std::uint32_t number, std::uint32_t parent);
  std::uint32_t next_node() const noexcept { return next_node_; }
  void set_next_node(std::uint32_t number) noexcept { next_node_ = number; }

  // Does what a frame says. False for what makes no sense; the replica is then of no use.
  bool apply(FrameReader& reader);

  // All of it as frames of some ten kilobytes each, for positions from 0 on.
  std::string snapshot() const;

  std::size_t size() const noexcept { return index_.size(); }
  std::size_t nested_dicts() const noexcept { return nodes_.size(); }
  std::size_t live_bytes() const noexcept { return live_bytes_; }  // of operations, no frames

  std::uint64_t version = 0;  // commits that it contains

  static std::size_t hash_of(std::uint32_t node, const SharedKeyView& key) noexcept {
    return key.is_text() ? hash_of_text(node, key.text())
                         : short_hash(static_cast<std::uint64_t>(key.number()), 0, node, 0);
  }

 private:
  static bool is_at(const Entry& entry, std::uint32_t node, const SharedKeyView& key) noexcept {
    return entry.node == node && entry.is_text == key.is_text() &&
           (entry.is_text ? is_same_text(entry.text, key.text()) : entry.number == key.number());
  }
  struct Wanted {
    const SharedKeyView& key;
    std::uint32_t node;
  };
  struct Hash {
    std::size_t operator()(const Entry* entry) const noexcept {
      return hash_of(entry->node, entry->key());
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Entry* one, const Entry* other) const noexcept { return one == other; }
    bool operator()(const Place& place, const Entry* entry) const noexcept {
      return is_at(*entry, place.node, place.key);
    }
    bool operator()(const Entry* entry, const Place& place) const noexcept {
      return is_at(*entry, place.node, place.key);
    }
    bool operator()(const Wanted& wanted, const Entry* entry) const noexcept {
      return is_at(*entry, wanted.node, wanted.key);
    }
    bool operator()(const Entry* entry, const Wanted& wanted) const noexcept {
      return is_at(*entry, wanted.node, wanted.key);
    }
  };
  // Hashes are kept in the table: growing it looks at no entry.
  using Index = tsl::robin_set<Entry*, Hash, Equal, std::allocator<Entry*>, true>;

  static PlainValue plain(const Entry& entry) noexcept {
    return {entry.value.kind(), entry.value.word(), entry.value.raw()};
  }
  Node* find_node(std::uint32_t number) noexcept {
    return const_cast<Node*>(std::as_const(*this).node(number));
  }
  Entry* make_entry();
  void drop_value(Entry& entry);
  void drop(Index::iterator found);
  void append_snapshot(std::string& frames, FrameWriter& writer, const Node& node) const;

  Index index_;
  Node root_;
  std::unordered_map<std::uint32_t, Node> nodes_;
  std::uint32_t next_node_ = kRootNode + 1;
  std::size_t live_bytes_ = 0;

  std::vector<std::unique_ptr<Entry[]>> blocks_;  // memory for entries
  std::size_t used_in_block_ = 0;
  Entry* free_ = nullptr;  // linked by `next`
};

}  // namespace h5flume::shared
