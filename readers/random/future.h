#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/typed_view.h"
#include "readers/random/array.h"

namespace h5flume {

class Operation;

/// The elements of a request where they lie in its stage, which is reserved while this exists.
///
/// Lifetime: destruction, release() or assignment give the stage to the next request; views expire
/// with that. May outlive Future, Stage and Reader. Threads: may move between threads, not be
/// shared by them while it is released.
class [[nodiscard]] StageView {
 public:
  StageView() = default;
  StageView(StageView&&) noexcept = default;
  StageView& operator=(StageView&& other) noexcept;
  ~StageView() { release(); }

  const std::vector<std::uint64_t>& shape() const;
  const ElementType& type() const;

  /// Number of elements.
  std::uint64_t size() const;

  /// C order, native byte order; of variable length as docs/variable-length.md says. Throws
  /// kExpiredView after release().
  std::span<const std::byte> bytes() const;

  /// As Array::view(). Throws kExpiredView after release().
  template <class T>
  ArrayView<T> view() const {
    const auto memory = bytes();
    return internal::array_in<T>(type(), shape(), memory, lease_);
  }

  /// As Array::strings() and lists(). Throw kExpiredView after release().
  StringsView strings() const {
    const auto memory = bytes();
    return internal::strings_in(type(), size(), memory, lease_);
  }
  template <class T>
  ListsView<T> lists() const {
    const auto memory = bytes();
    return internal::lists_in<T>(type(), size(), memory, lease_);
  }

  /// Gives the stage back. No effect if repeated.
  void release() noexcept;

 private:
  friend class Future;
  explicit StageView(std::shared_ptr<Operation> operation);

  std::shared_ptr<Operation> operation_;
  std::shared_ptr<Lease> lease_;
};

/// What a request comes to. Made by Reader::request(), at once; the elements are read meanwhile.
///
/// Its data can be taken once, by any of the get functions. A thread that waits for it without a
/// limit of time does of the work what nobody else has begun.
///
/// An error is that of the request alone, and every get function throws it: kCorruptData, kIo,
/// kSourceChanged, kOutOfMemory, kCancelled (also if the Reader was closed before), for data that
/// libhdf5 reads kWorkerFailed and kTimeout, and kResourceLimit for elements of variable length for
/// which there is no room. The message names what was read.
///
/// Lifetime: dropped, the request is cancelled if it was not begun, and its stage is given back.
/// May outlive Stage and Reader. Threads: may move between threads, not be shared by them.
class [[nodiscard]] Future {
 public:
  Future() = default;
  explicit Future(std::shared_ptr<Operation> operation) noexcept
      : operation_(std::move(operation)) {}
  Future(Future&&) noexcept = default;
  Future& operator=(Future&& other) noexcept;
  ~Future() { drop(); }

  /// Whether the get functions return, or throw, without waiting.
  bool ready() const;

  /// Waits until it is ready. With a limit, false if it is not by then.
  void wait() const;
  bool wait_for(std::chrono::nanoseconds limit) const;

  /// Ends the request with kCancelled, at once if nobody works on it. No effect if it is ready.
  void cancel();

  /// A copy; the stage is free afterwards.
  Array get();

  /// Copies the elements into `out`, of exactly the request's bytes, or of at least what elements
  /// of variable length take; the stage is free afterwards. Throws kInvalidArgument for another
  /// size, and the data can still be taken.
  void get_into(std::span<std::byte> out);

  /// The elements in the stage, without a copy.
  StageView get_view();

  /// Calls `use` with the elements in the stage, as a StageView, and returns what it returns. The
  /// stage is free when it has returned or thrown.
  template <class Use>
  auto get_direct(Use&& use) {
    const StageView view = get_view();
    return std::forward<Use>(use)(view);
  }

  /// The elements in the stage, for as long as this Future lives and nothing else is taken from it.
  /// Nothing notices if they are looked at later.
  std::span<const std::byte> get_unsafe();

 private:
  const std::shared_ptr<Operation>& operation() const;
  void wait_and_check() const;
  void drop() noexcept;

  std::shared_ptr<Operation> operation_;  // null: the data were taken
};

}  // namespace h5flume
