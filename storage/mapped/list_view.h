#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include "storage/mapped/codec.h"
#include "storage/mapped/index_iterator.h"

namespace h5flume::mapped {

/// Bounds of a slice as numpy and Python have them: negative ones count from the end, those that
/// reach too far are cut, and what is left out goes to the end that the step comes from.
struct Slice {
  std::optional<std::int64_t> start = std::nullopt;
  std::optional<std::int64_t> stop = std::nullopt;
  std::int64_t step = 1;
};

/// A slice of a sequence of some size: `count` places, `step` apart.
struct ResolvedSlice {
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::uint64_t count = 0;
};

/// Throws kInvalidArgument for a step of zero.
ResolvedSlice resolve(const Slice& slice, std::uint64_t size);

/// A stored list, or a slice of one, looked at where it lies, with the interface of a constant
/// std::vector. Elements are given as the views of their type: numbers by value, texts as
/// std::string_view, lists as ListView.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class T>
class ListView {
 public:
  using Element = typename Codec<T>::View;
  using value_type = Element;

  /// `count` elements, `stride` bytes apart, all of which lie in the region.
  ListView(const Region& region, const std::byte* first, std::int64_t stride, std::uint64_t count,
           const Plan& plan)
      : region_(region), first_(first), stride_(stride), count_(count), plan_(&plan) {}

  std::uint64_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }

  /// Throws kInvalidArgument beyond the last element.
  Element operator[](std::uint64_t index) const {
    if (index >= count_) throw_beyond(index);
    return Codec<T>::read(region_, first_ + static_cast<std::int64_t>(index) * stride_, *plan_);
  }
  Element front() const { return (*this)[0]; }
  Element back() const { return (*this)[count_ - 1]; }

  using Iterator = IndexIterator<ListView>;
  Iterator begin() const noexcept { return {*this, 0}; }
  Iterator end() const noexcept { return {*this, count_}; }

  /// `list.slice({.start = -3})`, `list.slice({.step = -1})`: a view of the same bytes.
  ListView slice(const Slice& slice) const {
    const ResolvedSlice at = resolve(slice, count_);
    return ListView(region_, at.count == 0 ? first_ : first_ + at.first * stride_,
                    stride_ * at.step, at.count, *plan_);
  }
  ListView reversed() const { return slice({.step = -1}); }

  /// The place of the first element that equals `value`, if there is one.
  template <class Value>
  std::optional<std::uint64_t> find(const Value& value) const {
    for (std::uint64_t i = 0; i < count_; ++i) {
      if ((*this)[i] == value) return i;
    }
    return std::nullopt;
  }
  template <class Value>
  bool contains(const Value& value) const {
    return find(value).has_value();
  }
  template <class Value>
  std::uint64_t count(const Value& value) const {
    return static_cast<std::uint64_t>(std::ranges::count(*this, value));
  }

  /// Element by element, with any list of values that compare with the views of these.
  template <std::ranges::input_range Other>
  bool operator==(const Other& other) const {
    return std::equal(begin(), end(), std::ranges::begin(other), std::ranges::end(other));
  }
  /// By the first element that differs, then by size.
  template <std::ranges::input_range Other>
  bool operator<(const Other& other) const {
    return std::lexicographical_compare(begin(), end(), std::ranges::begin(other),
                                        std::ranges::end(other));
  }

 private:
  [[noreturn]] void throw_beyond(std::uint64_t index) const {
    throw Error(ErrorCode::kInvalidArgument,
                "element " + std::to_string(index) + " of a list of " + std::to_string(count_));
  }

  Region region_;
  const std::byte* first_;
  std::int64_t stride_;
  std::uint64_t count_;
  const Plan* plan_;
};

// --- the slot of a sequence ---------------------------------------------------------------------

/// u64 offset of the first element in the region, u64 number of elements.
constexpr std::size_t kListSlotBytes = 16;

/// Writes the elements of a sized range one after the other, and a slot for them.
template <class T, class Range>
void write_list(Packer& packer, std::byte* slot, const Range& values) {
  const auto count = static_cast<std::uint64_t>(std::ranges::size(values));
  if (count == 0) return;
  const std::uint64_t offset = packer.reserve(count * Codec<T>::kBytes);
  store(slot, offset);
  store(slot + 8, count);
  std::uint64_t at = offset;
  for (const T& value : values) {
    std::array<std::byte, Codec<T>::kBytes> element{};
    Codec<T>::write(packer, element.data(), value);
    packer.write_at(at, element);
    at += element.size();
  }
}

template <class T>
ListView<T> read_list(const Region& region, const std::byte* slot, const Plan& element) {
  const auto count = load<std::uint64_t>(slot + 8);
  const auto* first = region.array_at(load<std::uint64_t>(slot), count, element.bytes);
  return ListView<T>(region, first, element.bytes, count, element);
}

template <class T>
struct Codec<std::vector<T>> {
  static constexpr std::size_t kBytes = kListSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = ListView<T>;

  static Type describe(SchemaBuilder& builder) {
    return {Kind::kList, 0, {Codec<T>::describe(builder)}};
  }
  static void write(Packer& packer, std::byte* slot, const std::vector<T>& values) {
    write_list<T>(packer, slot, values);
  }
  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    return read_list<T>(region, slot, *plan.arguments[0]);
  }
  static std::vector<T> clone(Cloner& cloner, const View& view) {
    cloner.spend(view.size());
    std::vector<T> values;
    values.reserve(view.size());
    for (const auto& element : view) values.push_back(Codec<T>::clone(cloner, element));
    return values;
  }
};

}  // namespace h5flume::mapped
