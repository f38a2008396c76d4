#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "storage/mapped/container.h"
#include "storage/mapped/region.h"
#include "storage/mapped/text_slot.h"

namespace h5flume::mapped {

// Entries are sorted by a 64-bit hash of their keys, and where hashes are equal by the keys
// themselves. A directory says where the entries of a range of hashes begin. So a lookup touches
// the directory once and the entries once, and always comes to an end: within its range it looks at
// a few entries one by one, and at many by halving.

/// A key that is an integer is its own hash, stirred: different keys have different hashes.
inline std::uint64_t hash_of(std::uint64_t key) noexcept {
  key = (key ^ (key >> 33U)) * 0xff51afd7ed558ccdU;  // the last step of MurmurHash3, 64 bits
  key = (key ^ (key >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return key ^ (key >> 33U);
}

/// XXH3, 64 bits.
std::uint64_t hash_of(std::span<const std::byte> key) noexcept;

/// Where the entries of a key are: [first, last).
struct EntryRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const noexcept { return last - first; }
};

/// Says where to look for a hash: start(b) is the number of the first entry whose hash has b or
/// more in its highest `bits` bits. Starts have 4 bytes where they can, else 8.
class Directory {
 public:
  /// Throws kCorruptData if the section has not the size of a directory.
  Directory(const Container& container, const Region& region);

  /// Throws kCorruptData if the directory contradicts itself.
  EntryRange range_of(std::uint64_t hash) const {
    const std::uint64_t bucket = bits_ == 0 ? 0 : hash >> (64U - bits_);
    const EntryRange range{start(bucket), start(bucket + 1)};
    if (range.first > range.last || range.last > entry_count_) throw_contradiction();
    return range;
  }

  /// How many bits are right for a number of entries of a size: a bucket then takes about as
  /// much room as a cache line.
  static unsigned bits_for(std::uint64_t entry_count, std::size_t entry_bytes) noexcept;
  static std::size_t start_bytes(std::uint64_t entry_count) noexcept {
    return entry_count >> 32U == 0 ? sizeof(std::uint32_t) : sizeof(std::uint64_t);
  }

 private:
  std::uint64_t start(std::uint64_t bucket) const noexcept {
    return wide_ ? load<std::uint64_t>(starts_ + bucket * sizeof(std::uint64_t))
                 : load<std::uint32_t>(starts_ + bucket * sizeof(std::uint32_t));
  }
  [[noreturn]] void throw_contradiction() const;

  Region region_;
  const std::byte* starts_;
  std::uint64_t entry_count_;
  unsigned bits_ = 0;
  bool wide_;
};

/// An entry whose key is an integer.
struct IntegerEntry {
  std::uint64_t key = 0;
  std::uint64_t value = 0;  ///< number of a record, an id, or the slot of the value itself
};

/// An entry whose key is a text, or any bytes.
struct TextEntry {
  std::uint64_t hash = 0;
  std::uint64_t value = 0;
  std::byte slot[kTextSlotBytes]{};  ///< text_slot.h, with the key heap for its region
};

/// Where an entry of either sort has its value.
constexpr std::size_t kEntryValueOffset = 8;
constexpr std::size_t kEntryValueBytes = 8;
static_assert(offsetof(IntegerEntry, value) == kEntryValueOffset &&
              offsetof(TextEntry, value) == kEntryValueOffset);

/// Looks keys up in the entries of a container. `Keys` says what an entry is and how its key
/// compares: IntegerKeys, HashedKeys, TextKeys.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class Keys>
class KeyIndex {
 public:
  using Key = typename Keys::Key;

  explicit KeyIndex(const Container& container)
      : region_(container.section(SectionKind::kEntries), container.name()),
        keys_(container),
        directory_(container, region_),
        size_(container.counts().entries),
        entries_(region_.array_at(0, size_, Keys::kEntryBytes)) {}

  std::uint64_t size() const noexcept { return size_; }

  /// All entries of a key; empty if there are none.
  EntryRange equal_range(const Key& key) const {
    const std::uint64_t hash = Keys::hash(key);
    const EntryRange bucket = directory_.range_of(hash);
    const std::uint64_t first = first_not_before(bucket, hash, key);
    if (first == bucket.last || compare(first, hash, key) != 0) return {first, first};
    return {first, end_of_equals({first + 1, bucket.last}, hash, key)};
  }

  /// The number of the first entry of a key, or size() if there is none.
  std::uint64_t find(const Key& key) const {
    const std::uint64_t hash = Keys::hash(key);
    const EntryRange bucket = directory_.range_of(hash);
    if (bucket.size() <= kFew) {
      for (std::uint64_t i = bucket.first; i < bucket.last; ++i) {
        if (keys_.equal(entry(i), hash, key)) return i;
      }
      return size_;
    }
    const std::uint64_t first = first_not_before(bucket, hash, key);
    return first < bucket.last && keys_.equal(entry(first), hash, key) ? first : size_;
  }

  Key key(std::uint64_t index) const { return keys_.key(entry(index)); }
  std::uint64_t value(std::uint64_t index) const noexcept {
    return load<std::uint64_t>(entry(index) + kEntryValueOffset);
  }

  /// Throws kCorruptData unless every entry is where a lookup finds it.
  void verify() const {
    for (std::uint64_t i = 0; i < size_; ++i) {
      const Key own = key(i);
      const EntryRange bucket = directory_.range_of(Keys::hash(own));
      const bool in_order = i == 0 || compare(i - 1, Keys::hash(own), own) <= 0;
      if (i < bucket.first || i >= bucket.last || !in_order) {
        region_.throw_corrupt("entry " + std::to_string(i) + " of the index is out of order");
      }
    }
  }

 private:
  static constexpr std::uint64_t kFew = 16;

  const std::byte* entry(std::uint64_t index) const noexcept {
    return entries_ + index * Keys::kEntryBytes;
  }
  int compare(std::uint64_t index, std::uint64_t hash, const Key& key) const {
    return keys_.compare(entry(index), hash, key);
  }

  // The first in the range for which `is_beyond` holds, as it does for all after that one.
  template <class Predicate>
  static std::uint64_t partition_point(EntryRange range, Predicate&& is_beyond) {
    while (range.first < range.last) {
      const std::uint64_t middle = range.first + range.size() / 2;
      if (is_beyond(middle)) {
        range.last = middle;
      } else {
        range.first = middle + 1;
      }
    }
    return range.first;
  }
  std::uint64_t first_not_before(EntryRange range, std::uint64_t hash, const Key& key) const {
    return partition_point(range, [&](std::uint64_t i) { return compare(i, hash, key) >= 0; });
  }
  std::uint64_t end_of_equals(EntryRange range, std::uint64_t hash, const Key& key) const {
    return partition_point(range, [&](std::uint64_t i) { return compare(i, hash, key) > 0; });
  }

  Region region_;
  Keys keys_;
  Directory directory_;
  std::uint64_t size_;
  const std::byte* entries_;
};

// --- kinds of keys ------------------------------------------------------------------------------

/// Integers, sorted by their hashes.
class IntegerKeys {
 public:
  using Key = std::uint64_t;
  static constexpr std::size_t kEntryBytes = sizeof(IntegerEntry);

  explicit IntegerKeys(const Container&) {}
  static std::uint64_t hash(Key key) noexcept { return hash_of(key); }
  static Key key(const std::byte* entry) noexcept { return load<std::uint64_t>(entry); }
  static bool equal(const std::byte* entry, std::uint64_t, Key wanted) noexcept {
    return key(entry) == wanted;
  }
  static int compare(const std::byte* entry, std::uint64_t hash, Key) noexcept {
    const std::uint64_t own = hash_of(key(entry));
    return own < hash ? -1 : (own > hash ? 1 : 0);
  }
};

/// Integers that are hashes already.
class HashedKeys {
 public:
  using Key = std::uint64_t;
  static constexpr std::size_t kEntryBytes = sizeof(IntegerEntry);

  explicit HashedKeys(const Container&) {}
  static std::uint64_t hash(Key key) noexcept { return key; }
  static Key key(const std::byte* entry) noexcept { return load<std::uint64_t>(entry); }
  static bool equal(const std::byte* entry, std::uint64_t, Key wanted) noexcept {
    return key(entry) == wanted;
  }
  static int compare(const std::byte* entry, std::uint64_t hash, Key) noexcept {
    return key(entry) < hash ? -1 : (key(entry) > hash ? 1 : 0);
  }
};

/// Texts and other bytes, sorted by their hashes, then by themselves.
class TextKeys {
 public:
  using Key = std::string_view;
  static constexpr std::size_t kEntryBytes = sizeof(TextEntry);

  explicit TextKeys(const Container& container)
      : heap_(container.section(SectionKind::kKeyHeap), container.name()) {}

  static std::uint64_t hash(Key key) noexcept { return hash_of(as_raw(key)); }
  Key key(const std::byte* entry) const {
    return as_text(read_bytes(heap_, entry + offsetof(TextEntry, slot)));
  }
  bool equal(const std::byte* entry, std::uint64_t hash, Key wanted) const {
    return load<std::uint64_t>(entry) == hash && key(entry) == wanted;
  }
  int compare(const std::byte* entry, std::uint64_t hash, Key wanted) const {
    const auto own = load<std::uint64_t>(entry);
    if (own != hash) return own < hash ? -1 : 1;
    return key(entry).compare(wanted);
  }

 private:
  Region heap_;
};

}  // namespace h5flume::mapped
