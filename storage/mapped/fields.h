#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace h5flume::mapped {

/// The fields of the plain struct T that are stored, in order: what H5FLUME_FIELDS makes.
///
/// Without the macro, the list is a function beside the struct, found by argument-dependent
/// look-up; views then have get<&T::member>() only:
///
///   constexpr auto h5flume_fields(const Sample*) {
///     return h5flume::mapped::FieldList<Sample, &Sample::id, &Sample::label>{
///         "Sample", {"id", "label"}};
///   }
///
/// The names are what a file says of its fields, and what they are found by again.
template <class T, auto... Members>
struct FieldList {
  using Struct = T;
  static constexpr std::size_t kCount = sizeof...(Members);

  std::string_view type_name;
  std::array<std::string_view, kCount> names;

  /// The place of a member in the list; kCount if it is not there.
  template <auto Member>
  static constexpr std::size_t index_of() {
    std::size_t index = 0;
    const bool found = ((is_same_member<Member, Members>() || (++index, false)) || ...);
    return found ? index : kCount;
  }

  /// Calls `visit(std::integral_constant<std::size_t, index>, member pointer)` for each field.
  template <class Visit>
  static constexpr void for_each(Visit&& visit) {
    for_each(visit, std::make_index_sequence<kCount>{});
  }

 private:
  template <auto One, auto Other>
  static constexpr bool is_same_member() {
    if constexpr (std::is_same_v<decltype(One), decltype(Other)>) return One == Other;
    return false;
  }
  template <class Visit, std::size_t... Index>
  static constexpr void for_each(Visit& visit, std::index_sequence<Index...>) {
    (visit(std::integral_constant<std::size_t, Index>{}, Members), ...);
  }
};

/// A struct with a list of fields.
template <class T>
concept Fielded = requires {
  h5flume_fields(static_cast<const T*>(nullptr));
};

/// The list of T's fields.
template <Fielded T>
inline constexpr auto kFields = h5flume_fields(static_cast<const T*>(nullptr));

/// A view's accessors that bear the names of fields, where there are any.
struct NoAccessors {};
template <class T, class View>
auto accessors_of() {
  if constexpr (requires {
                  h5flume_accessors(static_cast<const T*>(nullptr), std::type_identity<View>{});
                }) {
    return h5flume_accessors(static_cast<const T*>(nullptr), std::type_identity<View>{});
  } else {
    return NoAccessors{};
  }
}

}  // namespace h5flume::mapped

// A macro for each of a list of arguments, up to 256 of them.
#define H5FLUME_PARENTHESES ()
#define H5FLUME_EXPAND_4(...) \
  H5FLUME_EXPAND_3(H5FLUME_EXPAND_3(H5FLUME_EXPAND_3(H5FLUME_EXPAND_3(__VA_ARGS__))))
#define H5FLUME_EXPAND_3(...) \
  H5FLUME_EXPAND_2(H5FLUME_EXPAND_2(H5FLUME_EXPAND_2(H5FLUME_EXPAND_2(__VA_ARGS__))))
#define H5FLUME_EXPAND_2(...) \
  H5FLUME_EXPAND_1(H5FLUME_EXPAND_1(H5FLUME_EXPAND_1(H5FLUME_EXPAND_1(__VA_ARGS__))))
#define H5FLUME_EXPAND_1(...) \
  H5FLUME_EXPAND_0(H5FLUME_EXPAND_0(H5FLUME_EXPAND_0(H5FLUME_EXPAND_0(__VA_ARGS__))))
#define H5FLUME_EXPAND_0(...) __VA_ARGS__
#define H5FLUME_FOR_EACH(macro, context, ...) \
  __VA_OPT__(H5FLUME_EXPAND_4(H5FLUME_FOR_ONE(macro, context, __VA_ARGS__)))
#define H5FLUME_FOR_ONE(macro, context, first, ...) \
  macro(context, first)                             \
      __VA_OPT__(H5FLUME_FOR_MORE H5FLUME_PARENTHESES(macro, context, __VA_ARGS__))
#define H5FLUME_FOR_MORE() H5FLUME_FOR_ONE

#define H5FLUME_FIELD_MEMBER(Type, field) , &Type::field
#define H5FLUME_FIELD_NAME(Type, field) #field,
#define H5FLUME_FIELD_ACCESSOR(Type, field)                              \
  decltype(auto) field() const {                                         \
    return static_cast<const View&>(*this).template get<&Type::field>(); \
  }

/// Makes a plain struct storable: `H5FLUME_FIELDS(Sample, id, label, weight)`, in the namespace of
/// the struct, after it. Views of it get an accessor for each field: `view.label()`.
///
/// The name of the struct and those of the fields go into files. A field may be added or left
/// out later, in any place; a file that lacks it gives the value of a fresh `Sample{}`.
#define H5FLUME_FIELDS(Type, ...)                                                                \
  [[maybe_unused]] constexpr auto h5flume_fields(const Type*) noexcept {                         \
    return ::h5flume::mapped::FieldList<Type H5FLUME_FOR_EACH(H5FLUME_FIELD_MEMBER, Type,        \
                                                              __VA_ARGS__)>{                     \
        #Type, {H5FLUME_FOR_EACH(H5FLUME_FIELD_NAME, Type, __VA_ARGS__)}};                       \
  }                                                                                              \
  template <class View>                                                                          \
  struct h5flume_accessors_of_##Type {                                                           \
    H5FLUME_FOR_EACH(H5FLUME_FIELD_ACCESSOR, Type, __VA_ARGS__)                                  \
  };                                                                                             \
  template <class View>                                                                          \
  h5flume_accessors_of_##Type<View> h5flume_accessors(const Type*, ::std::type_identity<View>) { \
    return {};                                                                                   \
  }                                                                                              \
  static_assert(true)
