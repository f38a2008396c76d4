#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "storage/mapped/codec.h"
#include "storage/mapped/container_writer.h"
#include "storage/mapped/key_index.h"
#include "storage/mapped/record_layout.h"
#include "storage/mapped/seen_values.h"

namespace h5flume::mapped {

/// Packs values: their slots are the caller's, what these point to waits for the heap.
///
/// Threads: one.
class HeapWriter {
 public:
  explicit HeapWriter(ContainerWriter& container)
      : container_(container), waiting_(container.spill()) {}

  /// Fills in a slot of zeros.
  template <class T>
  void write(std::byte* slot, const T& value) {
    Codec<T>::write(packer_, slot, value);
    if (packer_.bytes().size() >= kPackedAtOnce) flush();
  }

  /// Adds the heap to the container.
  void finish() {
    flush();
    container_.add(SectionKind::kHeap, waiting_);
  }

 private:
  static constexpr std::size_t kPackedAtOnce = std::size_t{1} << 18U;

  void flush() {
    waiting_.append(packer_.bytes());
    packer_.drop_bytes();
    packer_.clear_shared();
  }

  ContainerWriter& container_;
  SpillFile waiting_;
  Packer packer_;
};

/// Writes the values of a container as records, which go straight to it. Their section must be the
/// last one that was begun.
///
/// Threads: one.
template <class T>
class RecordWriter {
 public:
  /// With some memory to remember them by, equal values are stored once.
  explicit RecordWriter(ContainerWriter& container, std::size_t sharing_memory_bytes = 0)
      : container_(container), heap_(container), seen_(sharing_memory_bytes) {
    container_.begin(SectionKind::kRecords);
  }

  /// Returns the number of the record: a new one, or that of an equal value that is remembered.
  std::uint64_t append(const T& value) {
    if (!seen_.enabled()) return append_new(value);
    const auto [record, is_new] = seen_.find_or_enter(digest(value), count_);
    return is_new ? append_new(value) : record;
  }

  /// All of them, at once if they lie in memory as in records.
  void append(std::span<const T> values) {
    if constexpr (Fielded<T>) {
      if (is_plain<T>() && !seen_.enabled()) {
        container_.append(std::as_bytes(values));
        count_ += values.size();
        return;
      }
    }
    for (const T& value : values) append(value);
  }

  std::uint64_t count() const noexcept { return count_; }

  /// Ends the records and adds the heap.
  void finish() { heap_.finish(); }

 private:
  std::uint64_t append_new(const T& value) {
    std::array<std::byte, Codec<T>::kBytes> record{};
    heap_.write(record.data(), value);
    container_.append(record);
    return count_++;
  }

  // Equal values have equal bytes as long as these begin at the same offset.
  ValueDigest digest(const T& value) const {
    std::array<std::byte, Codec<T>::kBytes> record{};
    Packer packer;
    Codec<T>::write(packer, record.data(), value);
    return seen_.digest_of(record, packer.bytes());
  }

  ContainerWriter& container_;
  HeapWriter heap_;
  SeenValues seen_;
  std::uint64_t count_ = 0;
};

/// Makes the slots of values that lie in the entries of an index.
///
/// Threads: one.
template <class T>
class EntryValueWriter {
 public:
  /// Whether values of the type have room there.
  static constexpr bool kPossible = Codec<T>::kBytes <= kEntryValueBytes;

  explicit EntryValueWriter(ContainerWriter& container) : heap_(container) {}

  /// Returns the slot, filled up with zeros, as it stands in an entry.
  std::uint64_t append(const T& value) {
    std::array<std::byte, std::max(Codec<T>::kBytes, kEntryValueBytes)> slot{};
    heap_.write(slot.data(), value);
    return load<std::uint64_t>(slot.data());
  }

  /// Adds the heap.
  void finish() { heap_.finish(); }

 private:
  HeapWriter heap_;
};

}  // namespace h5flume::mapped
