#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <ranges>
#include <utility>

#include "storage/mapped/list_view.h"
#include "storage/mapped/plain_order.h"

namespace h5flume::mapped {

/// A stored dict, looked at where it lies: keys in rising order, found by halving.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class K, class V>
class DictView {
 public:
  using KeyView = typename Codec<K>::View;
  using ValueView = typename Codec<V>::View;
  using value_type = std::pair<KeyView, ValueView>;

  DictView(const ListView<K>& keys, const ListView<V>& values) : keys_(keys), values_(values) {}

  std::uint64_t size() const noexcept { return keys_.size(); }
  bool empty() const noexcept { return keys_.empty(); }

  const ListView<K>& keys() const noexcept { return keys_; }
  const ListView<V>& values() const noexcept { return values_; }  ///< in the order of their keys

  /// The item number `index`, in the order of keys. Throws kInvalidArgument beyond the last.
  value_type operator[](std::uint64_t index) const { return {keys_[index], values_[index]}; }
  using Iterator = IndexIterator<DictView>;
  Iterator begin() const noexcept { return {*this, 0}; }
  Iterator end() const noexcept { return {*this, size()}; }

  template <class Key>
  std::optional<ValueView> find(const Key& key) const {
    const auto found = std::lower_bound(keys_.begin(), keys_.end(), key, PlainOrder());
    if (found == keys_.end() || PlainOrder()(key, *found)) return std::nullopt;
    return values_[static_cast<std::uint64_t>(found - keys_.begin())];
  }
  template <class Key>
  bool contains(const Key& key) const {
    return std::binary_search(keys_.begin(), keys_.end(), key, PlainOrder());
  }
  /// Throws kNotFound.
  template <class Key>
  ValueView at(const Key& key) const {
    auto value = find(key);
    if (!value) throw Error(ErrorCode::kNotFound, "look into a dict: the key is not there");
    return *std::move(value);
  }

 private:
  ListView<K> keys_;
  ListView<V> values_;
};

/// u64 offset of the keys, u64 number of items. The values lie behind the keys, from the next
/// multiple of 8 bytes on, counted from the first key.
template <class K, class V>
struct Codec<std::map<K, V>> {
  static constexpr std::size_t kBytes = kListSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = DictView<K, V>;

  static Type describe(SchemaBuilder& builder) {
    Type key = Codec<K>::describe(builder);
    return {Kind::kDict, 0, {std::move(key), Codec<V>::describe(builder)}};
  }

  static void write(Packer& packer, std::byte* slot, const std::map<K, V>& items) {
    if (items.empty()) return;
    const std::uint64_t keys_bytes = padded(items.size() * Codec<K>::kBytes);
    std::uint64_t key_at = packer.reserve(keys_bytes + items.size() * Codec<V>::kBytes);
    std::uint64_t value_at = key_at + keys_bytes;
    store(slot, key_at);
    store(slot + 8, std::uint64_t{items.size()});
    for (const auto& [key, value] : items) {
      write_element(packer, key_at, key);
      write_element(packer, value_at, value);
    }
  }

  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    const Plan& key = *plan.arguments[0];
    const Plan& value = *plan.arguments[1];
    const auto offset = load<std::uint64_t>(slot);
    const auto count = load<std::uint64_t>(slot + 8);
    const auto* keys = region.array_at(offset, count, key.bytes);  // no overflow from here on
    const auto* values = region.array_at(count == 0 ? offset : offset + padded(count * key.bytes),
                                         count, value.bytes);
    return View(ListView<K>(region, keys, key.bytes, count, key),
                ListView<V>(region, values, value.bytes, count, value));
  }

  static std::map<K, V> clone(Cloner& cloner, const View& view) {
    cloner.spend(view.size());
    std::map<K, V> items;
    for (const auto& [key, value] : view) {
      items.emplace_hint(items.end(), Codec<K>::clone(cloner, key), Codec<V>::clone(cloner, value));
    }
    return items;
  }

 private:
  static constexpr std::uint64_t padded(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

  template <class T>
  static void write_element(Packer& packer, std::uint64_t& at, const T& value) {
    std::array<std::byte, Codec<T>::kBytes> element{};
    Codec<T>::write(packer, element.data(), value);
    packer.write_at(at, element);
    at += element.size();
  }
};

}  // namespace h5flume::mapped
