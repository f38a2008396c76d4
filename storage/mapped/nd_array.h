#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "storage/mapped/list_view.h"

namespace h5flume {

/// A plain n-d array: values in C order, as many as the product of the shape.
template <class T>
struct NdArray {
  std::vector<std::uint64_t> shape;
  std::vector<T> values;

  bool operator==(const NdArray&) const = default;
};

namespace mapped {

/// The number of values of a shape. Throws kInvalidArgument for one beyond 64 bits.
std::uint64_t element_count(const std::vector<std::uint64_t>& shape);

/// A stored n-d array, looked at where it lies.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class T>
class NdArrayView {
 public:
  NdArrayView(std::vector<std::uint64_t> shape, const ListView<T>& values)
      : shape_(std::move(shape)), values_(values) {}

  const std::vector<std::uint64_t>& shape() const noexcept { return shape_; }
  std::size_t rank() const noexcept { return shape_.size(); }
  /// All values, in C order.
  const ListView<T>& values() const noexcept { return values_; }

  /// One value; as many indices as there are axes. Throws kInvalidArgument beyond the shape.
  template <class... Index>
  typename ListView<T>::Element operator()(Index... index) const {
    const std::array<std::uint64_t, sizeof...(Index)> at{static_cast<std::uint64_t>(index)...};
    bool inside = at.size() == shape_.size();
    std::uint64_t place = 0;
    for (std::size_t axis = 0; inside && axis < at.size(); ++axis) {
      inside = at[axis] < shape_[axis];
      place = place * shape_[axis] + at[axis];
    }
    if (!inside) throw Error(ErrorCode::kInvalidArgument, "an index lies outside of an n-d array");
    return values_[place];
  }

 private:
  std::vector<std::uint64_t> shape_;
  ListView<T> values_;
};

/// u64 offset, u64 rank. There lie the axes, u64 each, and behind them the values.
template <class T>
struct Codec<NdArray<T>> {
  static constexpr std::size_t kBytes = kListSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  static constexpr std::uint64_t kMostAxes = 64;
  using View = NdArrayView<T>;

  static Type describe(SchemaBuilder& builder) {
    return {Kind::kNdArray, 0, {Codec<T>::describe(builder)}};
  }

  static void write(Packer& packer, std::byte* slot, const NdArray<T>& array) {
    const std::uint64_t rank = array.shape.size();
    if (rank > kMostAxes || element_count(array.shape) != array.values.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "pack an n-d array: its shape does not fit its values");
    }
    const auto shape = std::as_bytes(std::span(array.shape));
    const auto offset = packer.reserve(shape.size() + array.values.size() * Codec<T>::kBytes);
    packer.write_at(offset, shape);
    store(slot, offset);
    store(slot + 8, rank);
    std::uint64_t at = offset + shape.size();
    for (const T& value : array.values) {
      std::array<std::byte, Codec<T>::kBytes> element{};
      Codec<T>::write(packer, element.data(), value);
      packer.write_at(at, element);
      at += element.size();
    }
  }

  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    const Plan& element = *plan.arguments[0];
    const auto offset = load<std::uint64_t>(slot);
    const auto rank = load<std::uint64_t>(slot + 8);
    if (rank > kMostAxes) region.throw_corrupt("an n-d array has too many axes");
    const auto* axes = region.array_at(offset, rank, sizeof(std::uint64_t));
    std::vector<std::uint64_t> shape(rank);
    for (std::size_t i = 0; i < rank; ++i) shape[i] = load<std::uint64_t>(axes + i * 8);
    std::uint64_t count = 0;
    try {
      count = element_count(shape);
    } catch (const Error&) {
      region.throw_corrupt("an n-d array is too large");
    }
    const auto* values = region.array_at(offset + rank * 8, count, element.bytes);
    return View(std::move(shape), ListView<T>(region, values, element.bytes, count, element));
  }

  static NdArray<T> clone(Cloner& cloner, const View& view) {
    cloner.spend(view.values().size());
    NdArray<T> array{view.shape(), {}};
    for (const auto& value : view.values()) array.values.push_back(Codec<T>::clone(cloner, value));
    return array;
  }
};

}  // namespace mapped
}  // namespace h5flume
