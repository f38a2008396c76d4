#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "storage/mapped/index_iterator.h"
#include "storage/mapped/key_traits.h"
#include "storage/mapped/value_array.h"

namespace h5flume::mapped {

/// What all maps from K to T have: an index, and the values that its entries name.
///
/// Threads: may be read by several at once.
template <class K, class T>
class MapFile {
 public:
  using Traits = KeyTraits<K>;
  using Value = typename Codec<T>::View;

  explicit MapFile(std::shared_ptr<const Container> container)
      : values_(std::move(container)),
        index_(values_.container()),
        in_entries_(values_.container().has(ContainerFlags::kValuesInEntries)) {}

  const typename Traits::Index& index() const noexcept { return index_; }
  const ValueArray<T>& values() const noexcept { return values_; }
  const Container& container() const noexcept { return values_.container(); }

  std::uint64_t find(const typename Traits::Lookup& key) const {
    return index_.find(Traits::stored(key));
  }
  EntryRange equal_range(const typename Traits::Lookup& key) const {
    return index_.equal_range(Traits::stored(key));
  }

  typename Traits::View key_at(std::uint64_t entry) const {
    return Traits::view(container(), index_.key(entry));
  }
  Value value_at(std::uint64_t entry) const { return values_.at(place_of(entry)); }

  /// Where a field of the value of an entry lies; nullptr if the file does not have it.
  template <auto Member>
  const std::byte* field_at(std::uint64_t entry) const {
    return values_.template field_at<Member>(place_of(entry));
  }

 private:
  // Among the values.
  std::uint64_t place_of(std::uint64_t entry) const {
    if (in_entries_) return entry;
    const std::uint64_t record = index_.value(entry);
    if (record >= values_.size()) container().throw_corrupt("its index names a value it lacks");
    return record;
  }

  ValueArray<T> values_;
  typename Traits::Index index_;
  bool in_entries_;
};

/// Some entries of a map, one after the other, as `Look` shows them.
///
/// Lifetime: borrows the map. Threads: may be read by several at once.
template <class File, class Look>
class EntryView {
 public:
  EntryView(const File& file, EntryRange entries) : file_(&file), entries_(entries) {}

  std::uint64_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return size() == 0; }

  /// Throws kInvalidArgument beyond the last.
  auto operator[](std::uint64_t index) const {
    if (index >= size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "entry " + std::to_string(index) + " of " + std::to_string(size()));
    }
    return Look::look(*file_, entries_.first + index);
  }
  using Iterator = IndexIterator<EntryView>;
  Iterator begin() const noexcept { return {*this, 0}; }
  Iterator end() const noexcept { return {*this, size()}; }

 private:
  const File* file_;
  EntryRange entries_;
};

struct LookAtKey {
  template <class File>
  static auto look(const File& file, std::uint64_t entry) {
    return file.key_at(entry);
  }
};
struct LookAtValue {
  template <class File>
  static auto look(const File& file, std::uint64_t entry) {
    return file.value_at(entry);
  }
};
struct LookAtItem {
  template <class File>
  static auto look(const File& file, std::uint64_t entry) {
    return std::pair(file.key_at(entry), file.value_at(entry));
  }
};

}  // namespace h5flume::mapped
