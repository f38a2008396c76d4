#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "storage/mapped/record_layout.h"

namespace h5flume::mapped {

template <class T>
class View;

template <Fielded T>
View<T> default_view();

/// What a view gives for a member of type F.
template <class F>
struct SeenAsTrait {
  using Type = typename Codec<F>::View;
};
template <class F>
struct SeenAsTrait<std::optional<F>> {
  using Type = std::optional<typename SeenAsTrait<F>::Type>;
};
template <class F>
struct SeenAsTrait<Settable<F>> {
  using Type = Settable<typename SeenAsTrait<F>::Type>;
};
template <class F>
using SeenAs = typename SeenAsTrait<F>::Type;

/// A stored struct, looked at where it lies: nothing is read before a field is asked for.
///
///   view.label()                    the field `label`, by its name
///   view.get<&Sample::label>()      the same
///   view.clone()                    a plain Sample
///
/// A number is given by value; a text as std::string_view, bytes as a span, both into the mapping;
/// an optional field as std::optional, one that may be unset as Settable of that. A field that
/// the file does not have is that of a fresh T{}.
///
/// Whatever the bytes are, what is seen lies inside of them; where it does not, kCorruptData is
/// thrown.
///
/// Lifetime: borrows the container, as do the views that it gives. Threads: may be read by several
/// at once.
template <class T>
class View : public decltype(accessors_of<T, View<T>>()) {
 public:
  View(const Region& region, const std::byte* record, const Plan& plan)
      : region_(region), record_(record), plan_(&plan) {}

  template <auto Member>
  SeenAs<typename MemberTraits<decltype(Member)>::Member> get() const {
    constexpr std::size_t kIndex = decltype(kFields<T>)::template index_of<Member>();
    static_assert(kIndex < decltype(kFields<T>)::kCount, "this member is not in the field list");
    const FieldPlan& field = plan_->fields[kIndex];
    if (field.type == nullptr) return default_view<T>().template get<Member>();
    return see<typename MemberTraits<decltype(Member)>::Member>(field);
  }

  /// Whether the file has this field at all.
  template <auto Member>
  bool in_file() const noexcept {
    constexpr std::size_t kIndex = decltype(kFields<T>)::template index_of<Member>();
    return plan_->fields[kIndex].type != nullptr;
  }

  /// A plain struct with the same values. Throws kCorruptData also where stored values contain each
  /// other, so that there would be no end. References that lead back to where they came from make
  /// shared_ptr that do so too, which the caller has to untie to free them.
  T clone() const {
    Cloner cloner{region_, region_.size() + kLeastAllowance};
    try {
      return clone(cloner);
    } catch (...) {
      cloner.untie();
      throw;
    }
  }
  T clone(Cloner& cloner) const;

  const Region& region() const noexcept { return region_; }
  const std::byte* record() const noexcept { return record_; }
  const Plan& plan() const noexcept { return *plan_; }

 private:
  static constexpr std::uint64_t kLeastAllowance = 1U << 16U;

  template <class F>
  SeenAs<F> see(const FieldPlan& field) const {
    if constexpr (FieldTraits<F>::kSettable) {
      using Inner = std::remove_cvref_t<decltype(*std::declval<const F&>())>;
      return bit(field.set_bit) ? SeenAs<F>(see<Inner>(field)) : SeenAs<F>();
    } else if constexpr (FieldTraits<F>::kNullable) {
      return bit(field.value_bit) ? SeenAs<F>(see<typename F::value_type>(field)) : SeenAs<F>();
    } else {
      return Codec<F>::read(region_, record_ + field.offset, *field.type);
    }
  }

  bool bit(std::int32_t number) const noexcept {
    if (number < 0) return true;
    return (load<std::uint8_t>(record_ + number / 8) >> (number % 8) & 1U) != 0;
  }

  Region region_;
  const std::byte* record_;
  const Plan* plan_;
};

// --- structs as values --------------------------------------------------------------------------

inline void set_bit(std::byte* record, std::int32_t number) {
  record[number / 8] |= std::byte{1} << (number % 8);
}

/// Writes one field, whose record is zeros so far.
template <class F>
void write_field(Packer& packer, std::byte* record, std::uint32_t offset, std::int32_t set,
                 std::int32_t value, const F& field) {
  if constexpr (!std::is_same_v<typename FieldTraits<F>::Value, F>) {
    if constexpr (FieldTraits<F>::kSettable) {
      if (!field.is_set()) return;
      set_bit(record, set);
    } else {
      if (!field.has_value()) return;
      set_bit(record, value);
    }
    write_field(packer, record, offset, set, value, *field);
  } else {
    Codec<F>::write(packer, record + offset, field);
  }
}

/// A struct lies in a slot of its own size.
template <Fielded T>
struct Codec<T> {
  static constexpr std::size_t kBytes = kLayout<T>.bytes;
  static constexpr std::size_t kAlignment = kLayout<T>.alignment;
  using View = mapped::View<T>;

  static Type describe(SchemaBuilder& builder) { return describe_structure<T>(builder); }
  static void write(Packer& packer, std::byte* slot, const T& value) {
    kFields<T>.for_each([&](auto index, auto member) {
      write_field(packer, slot, kLayout<T>.offsets[index], kLayout<T>.set_bits[index],
                  kLayout<T>.value_bits[index], value.*member);
    });
  }
  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    return View(region, slot, plan);
  }
  static T clone(Cloner& cloner, const View& view) { return view.clone(cloner); }
};

/// The plain value of what View::get() gave for a member of type F.
template <class F, class Seen>
F clone_field(Cloner& cloner, const Seen& seen) {
  if constexpr (FieldTraits<F>::kSettable) {
    using Inner = std::remove_cvref_t<decltype(*std::declval<const F&>())>;
    return seen.is_set() ? F(clone_field<Inner>(cloner, *seen)) : F();
  } else if constexpr (FieldTraits<F>::kNullable) {
    using Inner = typename F::value_type;
    return seen ? F(clone_field<Inner>(cloner, *seen)) : F();
  } else {
    return Codec<F>::clone(cloner, seen);
  }
}

template <class T>
T View<T>::clone(Cloner& cloner) const {
  if (cloner.depth_left == 0) region_.throw_corrupt("its values contain each other without end");
  cloner.spend(1);
  --cloner.depth_left;
  T plain{};
  [&]<auto... Members>(FieldList<T, Members...>) {
    ((in_file<Members>()
          ? void(plain.*Members = clone_field<typename MemberTraits<decltype(Members)>::Member>(
                     cloner, get<Members>()))
          : void()),
     ...);
  }
  (kFields<T>);
  ++cloner.depth_left;
  return plain;
}

}  // namespace h5flume::mapped
