#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "storage/mapped/column.h"
#include "storage/mapped/container.h"
#include "storage/mapped/pack.h"

namespace h5flume::mapped {

/// The values of a container of any kind, as values of the type T.
///
/// Threads: may be read by several at once.
template <class T>
class ValueArray {
 public:
  /// Throws kUnsupported if what is stored cannot be read as T; the message says why.
  explicit ValueArray(std::shared_ptr<const Container> container)
      : container_(std::move(container)),
        plan_(plan_for(*container_)),
        heap_(container_->section(SectionKind::kHeap), container_->name()),
        values_(container_->values()) {}
  ValueArray(const ValueArray&) = delete;
  ValueArray& operator=(const ValueArray&) = delete;

  std::uint64_t size() const noexcept { return container_->counts().records; }

  /// Throws kInvalidArgument beyond the last.
  typename Codec<T>::View at(std::uint64_t index) const {
    if (index >= size()) throw_beyond(index);
    return Codec<T>::read(heap_, slot(index), plan_.root());
  }
  typename Codec<T>::View operator[](std::uint64_t index) const { return at(index); }

  template <auto Member>
  auto column() const {
    using Number = typename MemberTraits<decltype(Member)>::Member;
    static_assert(std::is_arithmetic_v<Number>, "columns are for plain numbers");
    static const Number kDefault = T{}.*Member;
    constexpr std::size_t kIndex = decltype(kFields<T>)::template index_of<Member>();
    const FieldPlan& field = plan_.root().fields[kIndex];
    if (field.type == nullptr) {
      return Column<Number>(reinterpret_cast<const std::byte*>(&kDefault), 0, size());
    }
    return Column<Number>(values_.first + field.offset, values_.stride, size());
  }

  /// Where a field of a value lies, which must be there; nullptr if the file lacks the field.
  template <auto Member>
  const std::byte* field_at(std::uint64_t index) const noexcept {
    constexpr std::size_t kIndex = decltype(kFields<T>)::template index_of<Member>();
    const FieldPlan& field = plan_.root().fields[kIndex];
    return field.type == nullptr ? nullptr : slot(index) + field.offset;
  }

  /// All values as an array of T, see MappedArray::in_place().
  std::span<const T> in_place() const {
    const auto* const first = reinterpret_cast<const T*>(values_.first);
    const bool fits =
        values_.stride == sizeof(T) && reinterpret_cast<std::uintptr_t>(first) % alignof(T) == 0;
    if (is_plain<T>() && fits && container_->schema() == schema_of<T>()) return {first, size()};
    throw Error(ErrorCode::kUnsupported, "look at the values of " + container_->name() +
                                             " in place: they do not lie as in memory");
  }

  const Container& container() const noexcept { return *container_; }

 private:
  const std::byte* slot(std::uint64_t index) const noexcept {
    return values_.first + index * values_.stride;
  }
  static ReadPlan plan_for(const Container& container) {
    try {
      return ReadPlan(schema_of<T>(), container.schema());
    } catch (const Error& error) {
      throw Error(error.code(), "open " + container.name() + ": " + error.what());
    }
  }
  [[noreturn]] void throw_beyond(std::uint64_t index) const {
    throw Error(ErrorCode::kInvalidArgument, "value " + std::to_string(index) + " of " +
                                                 container_->name() + ", which has " +
                                                 std::to_string(size()));
  }

  std::shared_ptr<const Container> container_;
  ReadPlan plan_;
  Region heap_;
  Container::Values values_;
};

}  // namespace h5flume::mapped
