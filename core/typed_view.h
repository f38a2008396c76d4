#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "core/array_view.h"
#include "core/element_type.h"
#include "core/list_view.h"

// What elements in memory look like as C++ types: for the views of blocks, arrays and stages.
namespace h5flume::internal {

/// Throws kInvalidArgument unless an array of T can show elements of `type`: the same size, and
/// the same meaning where T is a number. A struct or std::byte shows any type of its size.
void check_viewable(const ElementType& type, const ElementType* wanted, std::size_t wanted_size);

/// The axes of elements of `shape` when they are shown: those of array elements come last, or that
/// of the elements' bytes. Throws kInvalidArgument for elements without a fixed size.
std::vector<std::uint64_t> view_shape(const ElementType& element, std::vector<std::uint64_t> shape,
                                      bool as_bytes);

/// Fixed-size elements of `shape` as an array of T, see Block::view().
template <class T>
ArrayView<T> array_in(const ElementType& type, std::vector<std::uint64_t> shape,
                      std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease) {
  static_assert(std::is_trivially_copyable_v<T>, "a view shows plain data only");
  constexpr bool kAsBytes = std::is_same_v<T, std::byte>;
  if constexpr (std::is_arithmetic_v<T>) {
    const ElementType wanted = element_type_of<T>();
    check_viewable(type, &wanted, sizeof(T));
  } else if constexpr (!kAsBytes) {
    check_viewable(type, nullptr, sizeof(T));
  }
  return ArrayView<T>(std::move(lease), reinterpret_cast<const T*>(bytes.data()),
                      view_shape(type, std::move(shape), kAsBytes));
}

/// Elements of variable length. `wanted` is the type of the values, as for check_viewable(), or
/// text. Throws kInvalidArgument if the values are of another.
ListLayout list_layout(const ElementType& type, const ElementType* wanted, std::size_t wanted_size,
                       std::uint64_t element_count, std::span<const std::byte> bytes,
                       std::shared_ptr<const Lease> lease);

StringsView strings_in(const ElementType& type, std::uint64_t element_count,
                       std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease);

template <class T>
ListsView<T> lists_in(const ElementType& type, std::uint64_t element_count,
                      std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease) {
  if constexpr (std::is_arithmetic_v<T>) {
    const ElementType wanted = element_type_of<T>();
    return ListsView<T>(
        list_layout(type, &wanted, sizeof(T), element_count, bytes, std::move(lease)));
  } else {
    const std::size_t size = std::is_same_v<T, std::byte> ? 0 : sizeof(T);
    return ListsView<T>(list_layout(type, nullptr, size, element_count, bytes, std::move(lease)));
  }
}

}  // namespace h5flume::internal
