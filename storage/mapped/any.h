#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/mapped/dict_view.h"
#include "storage/mapped/list_view.h"

namespace h5flume {

/// A value that says itself what it is: nothing, a truth value, an integer, a double, a text,
/// bytes, a list or a dict of such values. A struct is held as bytes: mapped::to_any().
struct Any {
  using List = std::vector<Any>;
  using Dict = std::map<std::string, Any>;
  using Bytes = std::vector<std::byte>;

  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, List,
               Dict>
      value;

  bool operator==(const Any&) const = default;
};

namespace mapped {

/// A stored Any. Lifetime: borrows the container.
class AnyView {
 public:
  AnyView(const Region& region, const std::byte* slot) : region_(region), slot_(slot) {}

  /// The place of its alternative in Any::value. Throws kCorruptData if it has none of them.
  std::size_t alternative() const;

  /// The value as `T`: bool, std::int64_t, std::uint64_t, double, std::string, Any::Bytes,
  /// Any::List, Any::Dict, seen as fields of these types are. Throws kInvalidArgument if it is
  /// another.
  template <class T>
  typename Codec<T>::View as() const {
    if (alternative() != place_of<T>()) throw_other_type();
    return Codec<T>::read(region_, slot_ + kPayload, plan_of(place_of<T>()));
  }
  bool is_null() const { return alternative() == 0; }

  Any clone(Cloner& cloner) const;

  static constexpr std::size_t kPayload = 8;  ///< of the slot, where the value's own slot begins

  template <class T>
  static constexpr std::size_t place_of() {
    return place_in<T>(static_cast<decltype(Any::value)*>(nullptr));
  }

 private:
  template <class T, class... All>
  static constexpr std::size_t place_in(std::variant<All...>*) {
    std::size_t place = 0;
    static_cast<void>(((std::is_same_v<T, All> || (++place, false)) || ...));
    return place;
  }
  static const Plan& plan_of(std::size_t alternative);
  [[noreturn]] static void throw_other_type();

  Region region_;
  const std::byte* slot_;
};

/// u8 alternative, 7 zeros, then a slot of 16 bytes as that type has it.
template <>
struct Codec<Any> {
  static constexpr std::size_t kBytes = 24;
  static constexpr std::size_t kAlignment = 8;
  using View = AnyView;

  static Type describe(SchemaBuilder&) { return {Kind::kAny}; }
  static void write(Packer& packer, std::byte* slot, const Any& any);
  static View read(const Region& region, const std::byte* slot, const Plan&) {
    return {region, slot};
  }
  static Any clone(Cloner& cloner, const View& view) { return view.clone(cloner); }
};

}  // namespace mapped
}  // namespace h5flume
