#pragma once

#include <optional>
#include <utility>

namespace h5flume {

/// A field that may have been left out of a record: a T, or unset.
///
/// Unset is not null: a field that is known to have no value is an empty std::optional. The type
/// Settable<std::optional<T>> tells all three apart.
///
/// Threads: a value, as T is.
template <class T>
class Settable {
 public:
  constexpr Settable() = default;
  constexpr Settable(T value) : value_(std::move(value)) {}  // NOLINT: as std::optional does

  constexpr bool is_set() const noexcept { return value_.has_value(); }
  constexpr void unset() noexcept { value_.reset(); }

  /// The value. Throws std::bad_optional_access if it is unset.
  constexpr const T& value() const { return value_.value(); }

  /// The value; undefined behaviour if it is unset.
  constexpr const T& operator*() const noexcept { return *value_; }
  constexpr const T* operator->() const noexcept { return &*value_; }

  constexpr bool operator==(const Settable& other) const { return value_ == other.value_; }

 private:
  std::optional<T> value_;
};

}  // namespace h5flume
