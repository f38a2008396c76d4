#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "storage/mapped/list_view.h"
#include "storage/mapped/plain_order.h"

namespace h5flume::mapped {

/// A stored set, looked at where it lies: its elements in rising order, found by halving.
///
/// The results of set algebra are sorted vectors of what the set shows; texts in them borrow from
/// the container as the view does. Sets of structs are combined with stored ones only, since a
/// result holds views. `Other` is any sorted range without repeats of comparable values: another
/// SetView, a std::set.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class T>
class SetView {
 public:
  using Element = typename ListView<T>::Element;
  using value_type = Element;
  using Elements = std::vector<Element>;

  explicit SetView(const ListView<T>& elements) : elements_(elements) {}

  std::uint64_t size() const noexcept { return elements_.size(); }
  bool empty() const noexcept { return elements_.empty(); }
  auto begin() const noexcept { return elements_.begin(); }
  auto end() const noexcept { return elements_.end(); }

  template <class Value>
  bool contains(const Value& value) const {
    return std::binary_search(begin(), end(), value, PlainOrder());
  }

  template <class Other>
  Elements united_with(const Other& other) const {
    return combined(other, [](auto... range) { std::set_union(range...); });
  }
  template <class Other>
  Elements intersected_with(const Other& other) const {
    return combined(other, [](auto... range) { std::set_intersection(range...); });
  }
  template <class Other>
  Elements without(const Other& other) const {
    return combined(other, [](auto... range) { std::set_difference(range...); });
  }
  template <class Other>
  Elements exclusive_with(const Other& other) const {
    return combined(other, [](auto... range) { std::set_symmetric_difference(range...); });
  }
  template <class Other>
  bool is_subset_of(const Other& other) const {
    return std::includes(std::begin(other), std::end(other), begin(), end(), PlainOrder());
  }

  template <class Other>
  bool operator==(const Other& other) const {
    return std::equal(begin(), end(), std::begin(other), std::end(other),
                      [order = PlainOrder()](const auto& one, const auto& another) {
                        return !order(one, another) && !order(another, one);
                      });
  }

 private:
  template <class Other, class Algorithm>
  Elements combined(const Other& other, Algorithm&& algorithm) const {
    Elements result;
    algorithm(begin(), end(), std::begin(other), std::end(other), std::back_inserter(result),
              PlainOrder());
    return result;
  }

  ListView<T> elements_;
};

/// Stored as a list, in the order of std::set.
template <class T>
struct Codec<std::set<T>> {
  static constexpr std::size_t kBytes = kListSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = SetView<T>;

  static Type describe(SchemaBuilder& builder) {
    return {Kind::kSet, 0, {Codec<T>::describe(builder)}};
  }
  static void write(Packer& packer, std::byte* slot, const std::set<T>& values) {
    write_list<T>(packer, slot, values);
  }
  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    return View(read_list<T>(region, slot, *plan.arguments[0]));
  }
  static std::set<T> clone(Cloner& cloner, const View& view) {
    cloner.spend(view.size());
    std::set<T> values;
    for (const auto& element : view) {
      values.insert(values.end(), Codec<T>::clone(cloner, element));
    }
    return values;
  }
};

}  // namespace h5flume::mapped
