#include "core/element_type.h"

#include "tests/support/catch.h"

namespace h5flume {
namespace {

ElementType of_size(ElementKind kind, std::size_t size) {
  ElementType type;
  type.kind = kind;
  type.size = size;
  return type;
}

ElementType array_of(const ElementType& base, std::vector<std::uint64_t> dims) {
  ElementType type = of_size(ElementKind::kArray, base.size);
  for (const std::uint64_t dim : dims) type.size *= dim;
  type.base = {base};
  type.dims = std::move(dims);
  return type;
}

ElementType compound(std::size_t size, std::vector<Field> fields) {
  ElementType type = of_size(ElementKind::kCompound, size);
  type.fields = std::move(fields);
  return type;
}

const ElementType kFloat32 = element_type_of<float>();

TEST_CASE("simple types have numpy's names and descriptions", "[core][element_type]") {
  CHECK(to_string(element_type_of<std::uint8_t>()) == "uint8");
  CHECK(numpy_descr(element_type_of<std::uint8_t>()) == "'|u1'");
  CHECK(to_string(element_type_of<std::int64_t>()) == "int64");
  CHECK(numpy_descr(element_type_of<std::int64_t>()) == "'<i8'");
  CHECK(to_string(element_type_of<bool>()) == "bool");
  CHECK(numpy_descr(element_type_of<bool>()) == "'|b1'");
  CHECK(to_string(of_size(ElementKind::kFloat, 2)) == "float16");
  CHECK(numpy_descr(of_size(ElementKind::kFloat, 16)) == "'<f16'");
  CHECK(to_string(of_size(ElementKind::kString, 8)) == "S8");
  CHECK(numpy_descr(of_size(ElementKind::kString, 8)) == "'|S8'");
  CHECK(numpy_descr(of_size(ElementKind::kOpaque, 8)) == "'|V8'");
}

TEST_CASE("an enum is described as its integer", "[core][element_type]") {
  ElementType type = of_size(ElementKind::kEnum, 2);
  CHECK(numpy_descr(type) == "'<i2'");
  type.is_signed = false;
  CHECK(numpy_descr(type) == "'<u2'");
  CHECK(to_string(type) == "enum of uint16");
}

TEST_CASE("two floats r and i side by side are complex, nothing else is", "[core][element_type]") {
  const ElementType complex = compound(8, {{"r", 0, kFloat32}, {"i", 4, kFloat32}});
  CHECK(complex.is_complex());
  CHECK(to_string(complex) == "complex64");
  CHECK(numpy_descr(complex) == "'<c8'");
  CHECK_FALSE(compound(12, {{"r", 0, kFloat32}, {"i", 4, kFloat32}}).is_complex());
  CHECK_FALSE(compound(8, {{"i", 0, kFloat32}, {"r", 4, kFloat32}}).is_complex());
  CHECK_FALSE(kFloat32.is_complex());
}

TEST_CASE("padding of a compound is spelled out, arrays keep their shape", "[core][element_type]") {
  const ElementType type =
      compound(32, {{"x", 0, kFloat32}, {"y", 8, array_of(array_of(kFloat32, {2}), {2})}});
  CHECK(numpy_descr(type) == "[('x', '<f4'), ('', '|V4'), ('y', '<f4', (2,2,)), ('', '|V8')]");
  CHECK(to_string(type) == "{x: float32, y: float32[2][2]}");
  CHECK(numpy_descr(array_of(kFloat32, {3})) == "'<f4'");
}

TEST_CASE("names are escaped as Python writes them", "[core][element_type]") {
  CHECK(numpy_descr(compound(4, {{"it's \\ \n", 0, kFloat32}})) ==
        "[('it\\'s \\\\ \\x0a', '<f4')]");
}

TEST_CASE("fields are found by name", "[core][element_type]") {
  const ElementType type = compound(8, {{"x", 0, kFloat32}, {"y", 4, kFloat32}});
  REQUIRE(type.field("y") != nullptr);
  CHECK(type.field("y")->offset == 4);
  CHECK(type.field("z") == nullptr);
}

TEST_CASE("types are equal if all they hold is equal", "[core][element_type]") {
  const ElementType type = compound(8, {{"x", 0, kFloat32}, {"y", 4, kFloat32}});
  ElementType other = type;
  CHECK(type == other);
  other.fields[1].name = "z";
  CHECK_FALSE(type == other);
}

TEST_CASE("types of variable length have no size, but a name and a size of values",
          "[core][element_type]") {
  ElementType text;
  text.kind = ElementKind::kText;
  CHECK(to_string(text) == "string");
  CHECK(numpy_descr(text) == "'|O'");
  CHECK(text.value_size() == 1);
  ElementType list;
  list.kind = ElementKind::kList;
  list.base = {element_type_of<std::int32_t>()};
  CHECK(to_string(list) == "list of int32");
  CHECK(list.value_size() == 4);
  CHECK(list.is_variable_length());
  CHECK_FALSE(list.base[0].is_variable_length());
  CHECK(list.base[0].value_size() == 4);
}

}  // namespace
}  // namespace h5flume
