#include "core/typed_view.h"

#include <fmt/format.h>

#include <utility>

namespace h5flume {
namespace {

// What the elements of an array element are made of, or the type itself.
const ElementType& scalar_type(const ElementType& type) {
  const ElementType* scalar = &type;
  while (scalar->kind == ElementKind::kArray) scalar = &scalar->base.front();
  return *scalar;
}

bool is_number(ElementKind kind) {
  switch (kind) {
    case ElementKind::kInteger:
    case ElementKind::kUnsigned:
    case ElementKind::kFloat:
    case ElementKind::kBool:
    case ElementKind::kEnum:
      return true;
    default:
      return false;
  }
}

// An enum shows as its integer, a bool as any one-byte integer too.
bool shows(const ElementType& wanted, const ElementType& type) {
  const bool wants_signed = wanted.kind == ElementKind::kInteger;
  const bool wants_integer = wants_signed || wanted.kind == ElementKind::kUnsigned;
  switch (type.kind) {
    case ElementKind::kEnum:
      return wants_integer && wants_signed == type.is_signed;
    case ElementKind::kBool:
      return wanted.kind == ElementKind::kBool || wants_integer;
    default:
      return wanted.kind == type.kind;
  }
}

bool is_viewable(const ElementType& type, const ElementType* wanted, std::size_t wanted_size) {
  const ElementType& scalar = scalar_type(type);
  const bool fits = wanted ? shows(*wanted, scalar) : !is_number(scalar.kind);
  return fits && scalar.size == wanted_size;
}

void require_fixed_size(const ElementType& type) {
  if (!type.is_variable_length()) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("view a block of {} as an array: its elements have no fixed size; use {}",
                  to_string(type), type.kind == ElementKind::kText ? "strings()" : "lists<T>()"));
}

bool fits_values(const ElementType& type, const ElementType* wanted, std::size_t wanted_size) {
  if (!type.is_variable_length()) return false;
  if (wanted != nullptr && wanted->kind == ElementKind::kText) return *wanted == type;
  if (wanted == nullptr && wanted_size == 0) return true;  // as bytes
  return type.kind == ElementKind::kList && is_viewable(type.base.front(), wanted, wanted_size);
}

}  // namespace

namespace internal {

void check_viewable(const ElementType& type, const ElementType* wanted, std::size_t wanted_size) {
  require_fixed_size(type);
  if (is_viewable(type, wanted, wanted_size)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("view a block of {} as {}", to_string(type),
                          wanted ? to_string(*wanted)
                                 : fmt::format("a structure of {} bytes", wanted_size)));
}

std::vector<std::uint64_t> view_shape(const ElementType& element, std::vector<std::uint64_t> shape,
                                      bool as_bytes) {
  require_fixed_size(element);
  if (as_bytes) {
    shape.push_back(element.size);
    return shape;
  }
  for (const ElementType* type = &element; type->kind == ElementKind::kArray;
       type = &type->base.front()) {
    shape.insert(shape.end(), type->dims.begin(), type->dims.end());
  }
  return shape;
}

ListLayout list_layout(const ElementType& type, const ElementType* wanted, std::size_t wanted_size,
                       std::uint64_t element_count, std::span<const std::byte> bytes,
                       std::shared_ptr<const Lease> lease) {
  if (!fits_values(type, wanted, wanted_size)) {
    const std::string values =
        wanted ? to_string(*wanted) : fmt::format("structure of {} bytes", wanted_size);
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("view a block of {} as {}", to_string(type),
                            wanted && wanted->kind == ElementKind::kText ? "strings"
                                                                         : "lists of " + values));
  }
  return {std::move(lease), bytes, element_count, type.value_size()};
}

StringsView strings_in(const ElementType& type, std::uint64_t element_count,
                       std::span<const std::byte> bytes, std::shared_ptr<const Lease> lease) {
  ElementType text;
  text.kind = ElementKind::kText;
  return StringsView(list_layout(type, &text, 1, element_count, bytes, std::move(lease)));
}

}  // namespace internal

}  // namespace h5flume
