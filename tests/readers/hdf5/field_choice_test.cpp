#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

using H5::PredType;

#pragma pack(push, 1)
struct Inner {
  std::int16_t p;
  std::int16_t q;
};
struct Row {
  std::int32_t id;
  Inner inner;
  char name[4];
  double slash;
};
#pragma pack(pop)

// /t: two rows of {id, inner {p, q}, name, "a/b"}.
class Table {
 public:
  Table() {
    H5::CompType inner(sizeof(Inner));
    inner.insertMember("p", 0, PredType::NATIVE_INT16);
    inner.insertMember("q", 2, PredType::NATIVE_INT16);
    H5::StrType text(PredType::C_S1, 4);
    text.setStrpad(H5T_STR_SPACEPAD);
    H5::CompType row(sizeof(Row));
    row.insertMember("id", 0, PredType::NATIVE_INT32);
    row.insertMember("inner", 4, inner);
    row.insertMember("name", 8, text);
    row.insertMember("a/b", 12, PredType::NATIVE_DOUBLE);
    const std::vector<Row> rows{{7, {1, 2}, {'a', ' ', ' ', ' '}, 0.5},
                                {8, {3, 4}, {'b', 'c', ' ', ' '}, 1.5}};
    H5::H5File file(path(), H5F_ACC_TRUNC);
    write_dataset(file, "t", {2}, rows, row, row);
  }

  std::string path() const { return folder_.file("t.h5"); }

  ElementType type(const std::vector<std::string>& fields) const {
    return Dataset(path(), "t", {.fields = fields}).info().type;
  }

  template <class T>
  std::vector<T> read(const std::vector<std::string>& fields) const {
    return read_all<T>(path(), "t", {.fields = fields});
  }

  Error error(const std::vector<std::string>& fields) const {
    return open_error(path(), "t", {.fields = fields});
  }

 private:
  ScratchFolder folder_;
};

TEST_CASE("one field is delivered as its own type", "[readers][hdf5][fields]") {
  const Table table;
  CHECK(table.type({"id"}) == element_type_of<std::int32_t>());
  CHECK(table.read<std::int32_t>({"id"}) == std::vector<std::int32_t>{7, 8});
  CHECK(to_string(table.type({"inner"})) == "{p: int16, q: int16}");
  CHECK(table.read<std::int16_t>({"inner"}) == std::vector<std::int16_t>{1, 2, 3, 4});
}

TEST_CASE("a field of a field is chosen by its path", "[readers][hdf5][fields]") {
  const Table table;
  CHECK(table.read<std::int16_t>({"inner/q"}) == std::vector<std::int16_t>{2, 4});
}

TEST_CASE("a field whose name contains a slash is found by that name", "[readers][hdf5][fields]") {
  CHECK(Table().read<double>({"a/b"}) == std::vector<double>{0.5, 1.5});
}

TEST_CASE("several fields form a packed compound in the order asked for",
          "[readers][hdf5][fields]") {
  const Table table;
  const std::vector<std::string> fields{"inner/q", "inner/p", "id"};
  CHECK(to_string(table.type(fields)) == "{inner/q: int16, inner/p: int16, id: int32}");
  CHECK(table.read<std::int16_t>(fields) == std::vector<std::int16_t>{2, 1, 7, 0, 4, 3, 8, 0});
}

TEST_CASE("a chosen string is padded like any other", "[readers][hdf5][fields]") {
  using namespace std::string_literals;
  CHECK(read_text(Table().path(), "t", {.fields = {"name"}}) == "a\0\0\0bc\0\0"s);
}

TEST_CASE("fields that do not exist are refused with those that do", "[readers][hdf5][fields]") {
  const Table table;
  const Error error = table.error({"ident"});
  CHECK(error.code() == ErrorCode::kInvalidArgument);
  CHECK(says(error, "no field 'ident'; the fields are id, inner, name, a/b"));
  CHECK(says(table.error({"inner/r"}), "no field 'r' in field 'inner'; the fields are p, q"));
  CHECK(says(table.error({"id/x"}), "field 'id' has no fields inside"));
  CHECK(says(table.error({""}), "no field ''"));
}

TEST_CASE("fields cannot be asked for twice or out of their field's company",
          "[readers][hdf5][fields]") {
  const Table table;
  CHECK(says(table.error({"id", "id"}), "more than once"));
  CHECK(says(table.error({"inner", "inner/p"}), "more than once"));
  CHECK(says(table.error({"inner/p", "id", "inner/q"}), "side by side"));
}

TEST_CASE("fields of a dataset without fields are refused", "[readers][hdf5][fields]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 2, 2);
  CHECK(says(open_error(folder.file("a.h5"), "x", {.fields = {"f"}}), "not compounds"));
}

}  // namespace
}  // namespace h5flume::hdf5
