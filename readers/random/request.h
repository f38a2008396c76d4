#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/selection.h"
#include "readers/random/array.h"

namespace h5flume {

struct RequestSpec;

/// What is wanted of a dataset: a Selection that is known to fit it. Made by Dataset::operator[].
///
///   const auto wanted = images[rows(30, 35)];
///   auto future = reader.request(wanted, stage);
///
/// Lifetime: keeps what it needs of its dataset; may outlive Dataset and Reader, but can be read
/// only while the Reader is open. Threads: a value, cheap to copy; may be shared.
class Request {
 public:
  explicit Request(std::shared_ptr<const RequestSpec> spec) noexcept : spec_(std::move(spec)) {}

  /// `next`, applied to the result of this. Throws as Dataset::operator[] does.
  Request operator[](const Selection& next) const;

  const Selection& selection() const noexcept;

  /// Of the result. The axes of array elements come last; of a single element it is empty.
  const std::vector<std::uint64_t>& shape() const noexcept;

  /// Number of elements of the result.
  std::uint64_t size() const noexcept;

  /// Of the result's elements: no array, see shape(). Chosen fields lie one after the other.
  const ElementType& type() const noexcept;

  /// Of the result, in C order: what a stage or a buffer has to hold. 0 for elements of variable
  /// length: nobody knows before they are read.
  std::size_t bytes() const noexcept;

  /// Reads it now, in this thread and those of the Reader. Throws as Future::get() does.
  Array read() const;

  /// The same into `out`, of exactly bytes() bytes, or of as many as elements of variable length
  /// may take. Nobody may touch it until this returns. Throws kInvalidArgument for another size,
  /// and kResourceLimit or kInvalidArgument if they take more.
  void read_into(std::span<std::byte> out) const;

  const std::shared_ptr<const RequestSpec>& spec() const noexcept { return spec_; }

 private:
  std::shared_ptr<const RequestSpec> spec_;
};

}  // namespace h5flume
