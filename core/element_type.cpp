#include "core/element_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <tuple>

#include "core/python_literal_internal.h"

namespace h5flume {
namespace {

constexpr char kByteOrder = std::endian::native == std::endian::little ? '<' : '>';

std::string dims_text(const std::vector<std::uint64_t>& dims) {
  std::string text;
  for (const std::uint64_t dim : dims) text += fmt::format("{}{}", text.empty() ? "" : ",", dim);
  return text;
}

std::string scalar_descr(char letter, std::size_t size) {
  return fmt::format("'{}{}{}'", size == 1 ? '|' : kByteOrder, letter, size);
}

std::string compound_descr(const ElementType& type);

// "<descr>" or, for an array, "<descr of its base>, (<dims>,)": the tail of a field's tuple.
std::string field_descr(const ElementType& type) {
  std::vector<std::uint64_t> dims;
  const ElementType* base = &type;
  while (base->kind == ElementKind::kArray) {
    dims.insert(dims.end(), base->dims.begin(), base->dims.end());
    base = &base->base.at(0);
  }
  if (dims.empty()) return numpy_descr(*base);
  return fmt::format("{}, ({},)", numpy_descr(*base), dims_text(dims));
}

// Names may be UTF-8, .npy version 3 says.
std::string compound_descr(const ElementType& type) {
  std::vector<const Field*> fields;
  for (const Field& field : type.fields) fields.push_back(&field);
  std::stable_sort(fields.begin(), fields.end(),
                   [](const Field* a, const Field* b) { return a->offset < b->offset; });
  std::string list;
  std::size_t end = 0;
  const auto pad_to = [&](std::size_t offset) {
    if (offset > end) list += fmt::format("('', '|V{}'), ", offset - end);
  };
  for (const Field* field : fields) {
    pad_to(field->offset);
    list += fmt::format("({}, {}), ", python_literal(field->name), field_descr(field->type));
    end = field->offset + field->type.size;
  }
  pad_to(type.size);
  if (!list.empty()) list.resize(list.size() - 2);
  return "[" + list + "]";
}

}  // namespace

bool ElementType::is_complex() const noexcept {
  if (kind != ElementKind::kCompound || fields.size() != 2) return false;
  const Field& real = fields[0];
  const Field& imaginary = fields[1];
  return real.name == "r" && imaginary.name == "i" && real.type.kind == ElementKind::kFloat &&
         imaginary.type.kind == ElementKind::kFloat && real.type.size == imaginary.type.size &&
         real.type.size >= sizeof(float) && real.offset == 0 &&
         imaginary.offset == real.type.size && size == 2 * real.type.size;
}

const Field* ElementType::field(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& known) { return known.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

std::size_t ElementType::value_size() const noexcept {
  if (kind == ElementKind::kText) return 1;
  return kind == ElementKind::kList && !base.empty() ? base.front().size : size;
}

// Written out, because clang 14 and 16 crash over a defaulted comparison that contains itself.
bool ElementType::operator==(const ElementType& other) const {
  const auto parts = [](const ElementType& type) {
    return std::tie(type.kind, type.size, type.fields, type.members, type.is_signed, type.base,
                    type.dims);
  };
  return parts(*this) == parts(other);
}

std::string to_string(const ElementType& type) {
  switch (type.kind) {
    case ElementKind::kInteger:
      return fmt::format("int{}", type.size * 8);
    case ElementKind::kUnsigned:
      return fmt::format("uint{}", type.size * 8);
    case ElementKind::kFloat:
      return fmt::format("float{}", type.size * 8);
    case ElementKind::kBool:
      return "bool";
    case ElementKind::kEnum:
      return fmt::format("enum of {}int{}", type.is_signed ? "" : "u", type.size * 8);
    case ElementKind::kString:
      return fmt::format("S{}", type.size);
    case ElementKind::kOpaque:
      return fmt::format("V{}", type.size);
    case ElementKind::kArray:
      return fmt::format("{}[{}]", to_string(type.base.at(0)), dims_text(type.dims));
    case ElementKind::kText:
      return "string";
    case ElementKind::kList:
      return "list of " + to_string(type.base.at(0));
    case ElementKind::kCompound:
      break;
  }
  if (type.is_complex()) return fmt::format("complex{}", type.size * 8);
  std::string list;
  for (const Field& field : type.fields) {
    list += fmt::format("{}{}: {}", list.empty() ? "" : ", ", field.name, to_string(field.type));
  }
  return "{" + list + "}";
}

std::string numpy_descr(const ElementType& type) {
  switch (type.kind) {
    case ElementKind::kInteger:
      return scalar_descr('i', type.size);
    case ElementKind::kUnsigned:
      return scalar_descr('u', type.size);
    case ElementKind::kFloat:
      return scalar_descr('f', type.size);
    case ElementKind::kBool:
      return "'|b1'";
    case ElementKind::kEnum:
      return scalar_descr(type.is_signed ? 'i' : 'u', type.size);
    case ElementKind::kString:
      return fmt::format("'|S{}'", type.size);
    case ElementKind::kOpaque:
      return fmt::format("'|V{}'", type.size);
    case ElementKind::kArray:
      return numpy_descr(type.base.at(0));
    case ElementKind::kText:
    case ElementKind::kList:
      return "'|O'";
    case ElementKind::kCompound:
      break;
  }
  if (type.is_complex()) return scalar_descr('c', type.size);
  return compound_descr(type);
}

}  // namespace h5flume
