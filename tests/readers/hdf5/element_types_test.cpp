#include <cmath>

#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

using H5::PredType;

// Writes `values` as `file_type` without any conversion, and gives the file's path.
template <class T>
std::string raw_file(const ScratchFolder& folder, const H5::DataType& file_type,
                     const std::vector<T>& values) {
  H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
  const hsize_t rows = values.size() * sizeof(T) / file_type.getSize();
  write_dataset(file, "x", {rows}, values, file_type, file_type);
  return folder.file("a.h5");
}

H5::DataType float_of(std::size_t size, std::size_t exponent, std::size_t mantissa,
                      std::size_t bias) {
  H5::DataType type(PredType::IEEE_F32LE);
  H5Tset_fields(type.getId(), exponent + mantissa, mantissa, exponent, 0, mantissa);
  H5Tset_size(type.getId(), size);
  H5Tset_ebias(type.getId(), bias);
  return type;
}

ElementType type_of(const std::string& file) { return Dataset(file, "x").info().type; }

TEST_CASE("numbers arrive in native byte order", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
  write_dataset(file, "i16", {4}, counting<std::int16_t>(4, -2), PredType::STD_I16BE,
                PredType::NATIVE_INT16);
  write_dataset(file, "u64", {4}, counting<std::uint64_t>(4, 1ull << 63), PredType::STD_U64BE,
                PredType::NATIVE_UINT64);
  write_dataset(file, "f8", {4}, counting<double>(4, 0.5), PredType::IEEE_F64BE,
                PredType::NATIVE_DOUBLE);
  file.close();
  CHECK(read_all<std::int16_t>(folder.file("a.h5"), "i16") == counting<std::int16_t>(4, -2));
  CHECK(read_all<std::uint64_t>(folder.file("a.h5"), "u64") ==
        counting<std::uint64_t>(4, 1ull << 63));
  CHECK(read_all<double>(folder.file("a.h5"), "f8") == counting<double>(4, 0.5));
}

TEST_CASE("integers of odd sizes take the next native size", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::DataType three_bytes(PredType::STD_I32BE);
  H5Tset_precision(three_bytes.getId(), 24);
  H5Tset_size(three_bytes.getId(), 3);
  const std::string file =
      raw_file<std::uint8_t>(folder, three_bytes, {0x00, 0x01, 0x02, 0xff, 0xff, 0xfe});
  CHECK(type_of(file) == element_type_of<std::int32_t>());
  CHECK(read_all(file, "x") == std::vector<std::int32_t>{0x0102, -2});
}

TEST_CASE("integers of more than 8 bytes are refused by name", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::DataType wide(PredType::STD_I64LE);
  H5Tset_size(wide.getId(), 16);
  const Error error = open_error(raw_file(folder, wide, counting<std::uint8_t>(32)), "x");
  CHECK(error.code() == ErrorCode::kUnsupported);
  CHECK(says(error, "16-byte integer"));
}

TEST_CASE("half floats stay half floats in either byte order", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::DataType half = float_of(2, 5, 10, 15);
  CHECK(read_all<std::uint16_t>(raw_file<std::uint16_t>(folder, half, {0x3c00, 0xc000}), "x") ==
        std::vector<std::uint16_t>{0x3c00, 0xc000});
  H5Tset_order(half.getId(), H5T_ORDER_BE);
  const std::string file = raw_file<std::uint8_t>(folder, half, {0x3c, 0x00, 0xc0, 0x00});
  CHECK(to_string(type_of(file)) == "float16");
  CHECK(read_all<std::uint16_t>(file, "x") == std::vector<std::uint16_t>{0x3c00, 0xc000});
}

TEST_CASE("bfloat16 becomes float32, the smallest type that holds it", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  const std::string file =
      raw_file<std::uint16_t>(folder, float_of(2, 8, 7, 127), {0x3f80, 0xc000, 0x4049});
  CHECK(type_of(file) == element_type_of<float>());
  CHECK(read_all<float>(file, "x") == std::vector<float>{1.0f, -2.0f, 3.140625f});
}

TEST_CASE("one-byte floats become half floats", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  const std::string file = raw_file<std::uint8_t>(folder, float_of(1, 4, 3, 7), {0x38, 0xc0});
  CHECK(to_string(type_of(file)) == "float16");
  CHECK(read_all<std::uint16_t>(file, "x") == std::vector<std::uint16_t>{0x3c00, 0xc000});
}

TEST_CASE("bitfields arrive as unsigned integers", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  const std::string file =
      raw_file<std::uint8_t>(folder, PredType::STD_B16BE, {0x12, 0x34, 0xff, 0x00});
  CHECK(type_of(file) == element_type_of<std::uint16_t>());
  CHECK(read_all<std::uint16_t>(file, "x") == std::vector<std::uint16_t>{0x1234, 0xff00});
}

TEST_CASE("the enum that h5py writes for booleans is bool", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::EnumType boolean(PredType::NATIVE_INT8);
  std::int8_t value = 0;
  boolean.insert("FALSE", &value);
  boolean.insert("TRUE", &(value = 1));
  const std::string file = raw_file<std::uint8_t>(folder, boolean, {1, 0, 1});
  CHECK(type_of(file) == element_type_of<bool>());
  CHECK(read_all<std::uint8_t>(file, "x") == std::vector<std::uint8_t>{1, 0, 1});
}

TEST_CASE("enum values that are no member survive a change of byte order",
          "[readers][hdf5][types]") {
  const ScratchFolder folder;
  const auto order = GENERATE(H5T_ORDER_BE, H5T_ORDER_LE);
  H5::DataType base(order == H5T_ORDER_BE ? PredType::STD_I16BE : PredType::STD_I16LE);
  const H5::EnumType colours(static_cast<const H5::IntType&>(
      order == H5T_ORDER_BE ? PredType::STD_I16BE : PredType::STD_I16LE));
  const std::int16_t one = order == H5T_ORDER_BE ? 0x0100 : 1;
  const std::int16_t minus = -1;
  colours.insert("RED", const_cast<std::int16_t*>(&one));
  colours.insert("NONE", const_cast<std::int16_t*>(&minus));
  const std::vector<std::uint8_t> big{0x00, 0x01, 0x12, 0x34, 0xff, 0xff};
  const std::vector<std::uint8_t> little{0x01, 0x00, 0x34, 0x12, 0xff, 0xff};
  const std::string file = raw_file(folder, colours, order == H5T_ORDER_BE ? big : little);

  const ElementType type = type_of(file);
  CHECK(type.kind == ElementKind::kEnum);
  CHECK(type.is_signed);
  CHECK(type.members == std::vector<EnumMember>{{"RED", 1}, {"NONE", -1}});
  CHECK(read_all<std::int16_t>(file, "x") == std::vector<std::int16_t>{1, 0x1234, -1});
}

TEST_CASE("strings arrive padded with NUL, however the file pads them", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::StrType type(PredType::C_S1, 4);
  const auto stored = [&](H5T_str_t padding, const std::string& bytes) {
    type.setStrpad(padding);
    return read_text(raw_file(folder, type, std::vector<char>(bytes.begin(), bytes.end())), "x");
  };
  using namespace std::string_literals;
  CHECK(stored(H5T_STR_NULLPAD, "a\0b c\0\0\0"s) == "a\0b c\0\0\0"s);
  CHECK(stored(H5T_STR_NULLTERM, "a\0b abcd"s) == "a\0\0\0abcd"s);
  CHECK(stored(H5T_STR_SPACEPAD, "a b     abcd"s) == "a b\0\0\0\0\0abcd"s);
}

TEST_CASE("strings are padded inside compounds and arrays too", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::StrType text(PredType::C_S1, 3);
  text.setStrpad(H5T_STR_SPACEPAD);
  const hsize_t two = 2;
  const H5::ArrayType texts(text, 1, &two);
  H5::CompType pair(std::size_t{7});
  pair.insertMember("t", 0, texts);
  pair.insertMember("n", 6, PredType::NATIVE_INT8);
  const H5::ArrayType pairs(pair, 1, &two);

  const std::string bytes = "a  b  1cc    2d  eee3   f  4";
  const std::string file = raw_file(folder, pairs, std::vector<char>(bytes.begin(), bytes.end()));
  using namespace std::string_literals;
  CHECK(read_text(file, "x") == "a\0\0b\0\0"s + "1cc\0\0\0\0"s + "2d\0\0eee3\0\0\0f\0\0"s + "4");
}

TEST_CASE("the fields before a string keep their bytes", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::CompType row(std::size_t{8});
  row.insertMember("n", 0, PredType::STD_I16LE);
  row.insertMember("t", 2, H5::StrType(PredType::C_S1, 4));
  row.insertMember("m", 6, PredType::STD_I16LE);
  using namespace std::string_literals;
  const std::string bytes = "\0\1ab\0z\2\0\3\0abcd\0\4"s;
  const std::string file = raw_file(folder, row, std::vector<char>(bytes.begin(), bytes.end()));
  CHECK(read_text(file, "x") == "\0\1ab\0\0\2\0\3\0abcd\0\4"s);
}

TEST_CASE("opaque bytes arrive as they are", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::DataType opaque(H5T_OPAQUE, 5);
  opaque.setTag("blob");
  const std::string file = raw_file(folder, opaque, counting<std::uint8_t>(10));
  CHECK(to_string(type_of(file)) == "V5");
  CHECK(read_all<std::uint8_t>(file, "x") == counting<std::uint8_t>(10));
}

TEST_CASE("arrays as elements keep their shape", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  const hsize_t dims[] = {2, 3};
  const std::string file = raw_file<std::uint8_t>(
      folder, H5::ArrayType(PredType::STD_I16BE, 2, dims), {0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5});
  const ElementType type = type_of(file);
  CHECK(to_string(type) == "int16[2,3]");
  CHECK(type.size == 12);
  CHECK(read_all<std::int16_t>(file, "x") == counting<std::int16_t>(6));
}

TEST_CASE("a compound that needs no conversion keeps its padding", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::CompType padded(std::size_t{16});
  padded.insertMember("a", 1, PredType::NATIVE_UINT8);
  padded.insertMember("b", 8, PredType::NATIVE_INT32);
  const std::string file = raw_file(folder, padded, counting<std::uint8_t>(32));
  const ElementType type = type_of(file);
  CHECK(type.size == 16);
  CHECK(type.field("b")->offset == 8);
  CHECK(numpy_descr(type) == "[('', '|V1'), ('a', '|u1'), ('', '|V6'), ('b', '<i4'), ('', '|V4')]");
}

TEST_CASE("a compound that needs conversion arrives packed", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::CompType inner(std::size_t{4});
  inner.insertMember("v", 2, PredType::STD_U16BE);
  H5::CompType padded(std::size_t{16});
  padded.insertMember("a", 1, PredType::NATIVE_UINT8);
  padded.insertMember("b", 8, inner);
  const std::string file = raw_file(folder, padded, counting<std::uint8_t>(32));
  CHECK(to_string(type_of(file)) == "{a: uint8, b: {v: uint16}}");
  CHECK(type_of(file).size == 3);
  CHECK(read_all<std::uint8_t>(file, "x") == std::vector<std::uint8_t>{1, 11, 10, 17, 27, 26});
}

TEST_CASE("the compound of two floats r and i is complex", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::CompType complex(std::size_t{8});
  complex.insertMember("r", 0, PredType::IEEE_F32BE);
  complex.insertMember("i", 4, PredType::IEEE_F32BE);
  const std::string file =
      raw_file<std::uint8_t>(folder, complex, {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0});
  CHECK(type_of(file).is_complex());
  CHECK(numpy_descr(type_of(file)) == "'<c8'");
  CHECK(read_all<float>(file, "x") == std::vector<float>{1.0f, -2.0f});
}

TEST_CASE("types that are not served are refused by name", "[readers][hdf5][types]") {
  const ScratchFolder folder;
  H5::CompType with_text(std::size_t{24});
  with_text.insertMember("id", 0, PredType::NATIVE_INT64);
  with_text.insertMember("name", 8, H5::StrType(PredType::C_S1, H5T_VARIABLE));
  {
    const PredType number = PredType::NATIVE_INT;
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    const H5::StrType text(PredType::C_S1, H5T_VARIABLE);
    const H5::DataType list = H5::VarLenType(number);
    const hsize_t dims[] = {2};
    file.createDataSet("text_list", H5::VarLenType(text), space_of({2}));
    file.createDataSet("list_list", H5::VarLenType(list), space_of({2}));
    file.createDataSet("list_array", H5::ArrayType(list, 1, dims), space_of({2}));
    file.createDataSet("table_list", H5::VarLenType(with_text), space_of({2}));
    file.createDataSet("ref_list", H5::VarLenType(PredType::STD_REF_OBJ), space_of({2}));
    file.createDataSet("ref", PredType::STD_REF_OBJ, space_of({2}));
    file.createDataSet("region", PredType::STD_REF_DSETREG, space_of({2}));
    file.createDataSet("time", H5::DataType(PredType::UNIX_D32LE), space_of({2}));
    file.createDataSet("table", with_text, space_of({2}));
  }
  const std::string file = folder.file("a.h5");
  CHECK(open_error(file, "text_list").code() == ErrorCode::kUnsupported);
  CHECK(says(open_error(file, "text_list"), "variable-length string inside another type"));
  CHECK(says(open_error(file, "list_list"), "variable-length sequence inside another type"));
  CHECK(says(open_error(file, "list_array"), "variable-length sequence inside another type"));
  CHECK(says(open_error(file, "table_list"), "field 'name': the type variable-length string"));
  CHECK(says(open_error(file, "ref_list"), "object reference"));
  CHECK(says(open_error(file, "ref"), "object reference"));
  CHECK(says(open_error(file, "region"), "region reference"));
  CHECK(says(open_error(file, "time"), "time"));
  CHECK(says(open_error(file, "table"), "field 'name': the type variable-length string"));
  CHECK(read_all<std::int64_t>(file, "table", {.fields = {"id"}}) ==
        std::vector<std::int64_t>{0, 0});
}

}  // namespace
}  // namespace h5flume::hdf5
