#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "storage/mapped/mapped_map.h"
#include "storage/mapped/writable_mapping.h"

namespace h5flume {

/// One number in a mapped file, shared by all processes that have mapped it. Every operation is
/// atomic and takes no lock; a death between two of them leaves one value or the other.
///
/// Lifetime: borrows the map. Threads: may be used by any number at once.
template <class T>
class SharedNumber {
 public:
  static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
  static_assert(std::atomic_ref<T>::is_always_lock_free, "a lock would not reach other processes");

  explicit SharedNumber(T* number) : number_(*number) {}

  // acquire and release: who sees a number also sees what was written before it.
  T load() const noexcept { return number_.load(std::memory_order_acquire); }
  void store(T value) const noexcept { number_.store(value, std::memory_order_release); }

  /// Writes `desired` if the number is `expected`, and says whether. If not, `expected` becomes
  /// what it is.
  bool compare_exchange(T& expected, T desired) const noexcept {
    return number_.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }

  /// Adds; returns what the number was before. Integers wrap around.
  T add(T delta) const noexcept { return number_.fetch_add(delta, std::memory_order_acq_rel); }

 private:
  std::atomic_ref<T> number_;
};

/// A MappedMap whose numeric fields can be written to, by several processes at once:
///
///   MappedMap<std::string, Counter>::build("hits.map", items, {.writable = true});
///   auto map = WritableMap<std::string, Counter>::open("hits.map");
///   if (auto hits = map.number<&Counter::hits>("cat_0001.png")) hits->add(1);
///
/// Keys and all other fields stay as they were built. The checksum of the records is not kept up to
/// date, and not compared. What is written reaches the disk when the system sees fit, as with any
/// mapped file.
///
/// Lifetime and threads: as MappedMap. Numbers that another process is changing are whole, old or
/// new, also when they are read through views.
template <class K, class T>
class WritableMap {
 public:
  using Key = typename mapped::KeyTraits<K>::Lookup;

  /// Throws as MappedMap::open() does, kUnsupported if the map was not built with `writable`.
  static WritableMap open(const std::string& path, const MappedOpenOptions& options = {}) {
    return WritableMap(mapped::open_writable(path, options));
  }

  std::uint64_t size() const noexcept { return file_->index().size(); }
  bool contains(const Key& key) const { return file_->find(key) != size(); }

  /// A field of the value of a key; nothing if the key is not there. Throws kUnsupported if the
  /// file lacks the field, or has it where it cannot be written to in one piece.
  template <auto Member>
  auto number(const Key& key) const
      -> std::optional<SharedNumber<typename mapped::MemberTraits<decltype(Member)>::Member>> {
    using Number = typename mapped::MemberTraits<decltype(Member)>::Member;
    const std::uint64_t entry = file_->find(key);
    if (entry == size()) return std::nullopt;
    const std::byte* const at = file_->template field_at<Member>(entry);
    if (at == nullptr || reinterpret_cast<std::uintptr_t>(at) % sizeof(Number) != 0) {
      throw Error(ErrorCode::kUnsupported, "write to " + file_->container().name() +
                                               ": it lacks the field, or has it "
                                               "where it cannot be written to in one piece");
    }
    // The mapping is writable: see open_writable().
    return SharedNumber<Number>(reinterpret_cast<Number*>(const_cast<std::byte*>(at)));
  }

  /// The value of a key, to be looked at.
  std::optional<typename mapped::Codec<T>::View> find(const Key& key) const {
    const std::uint64_t entry = file_->find(key);
    if (entry == size()) return std::nullopt;
    return file_->value_at(entry);
  }

 private:
  explicit WritableMap(std::shared_ptr<const mapped::Container> container) {
    container->require(mapped::KeyTraits<K>::kKind);
    mapped::KeyTraits<K>::check(*container);
    file_ = std::make_shared<const mapped::MapFile<K, T>>(std::move(container));
  }

  std::shared_ptr<const mapped::MapFile<K, T>> file_;
};

}  // namespace h5flume
