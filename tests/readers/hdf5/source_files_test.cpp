#include <cstdlib>
#include <fstream>

#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

// A folder `in` that holds the opened file, and a folder `out` beside it.
struct Folders {
  ScratchFolder scratch;
  Folders() {
    std::filesystem::create_directory(scratch.file("in"));
    std::filesystem::create_directory(scratch.file("out"));
  }
  std::string in(const std::string& name) const { return scratch.file("in/" + name); }
  std::string out(const std::string& name) const { return scratch.file("out/" + name); }
};

constexpr const char* kX = "/x";

void link_to(const std::string& file, const std::string& target) {
  const H5::H5File out(file, H5F_ACC_TRUNC);
  H5Lcreate_external(target.c_str(), kX, out.getId(), "x", H5P_DEFAULT, H5P_DEFAULT);
}

void write_external(const std::string& file, const std::string& raw_name) {
  H5::DSetCreatPropList creation;
  creation.setExternal(raw_name.c_str(), 0, 6 * sizeof(std::int32_t));
  H5::H5File(file, H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::STD_I32LE, space_of({6}), creation);
}

void write_raw(const std::string& path, const std::vector<std::int32_t>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(values[0])));
}

// /x of `file` is rows 0-1 of /x of every source, one below the other; two columns.
void write_virtual(const std::string& file, const std::vector<std::string>& sources) {
  const H5::DSetCreatPropList creation;
  const hsize_t rows = 2 * sources.size();
  const H5::DataSpace source_space = space_of({2, 2});
  for (hsize_t i = 0; i < sources.size(); ++i) {
    const H5::DataSpace part = space_of({rows, 2});
    const hsize_t start[] = {2 * i, 0};
    const hsize_t count[] = {2, 2};
    part.selectHyperslab(H5S_SELECT_SET, count, start);
    H5Pset_virtual(creation.getId(), part.getId(), sources[i].c_str(), kX, source_space.getId());
  }
  H5::H5File(file, H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::STD_I32LE, space_of({rows, 2}), creation);
}

OpenOptions outside_allowed() { return {.allow_outside_sources = true}; }

TEST_CASE("external links inside the folder are followed", "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("b.h5"), 2, 2);
  link_to(folders.in("a.h5"), "b.h5");
  link_to(folders.in("chain.h5"), "a.h5");
  CHECK(read_all(folders.in("a.h5"), kX) == counting(4));
  CHECK(read_all(folders.in("chain.h5"), kX) == counting(4));
}

TEST_CASE("external links that lead outside are refused unless allowed",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.out("b.h5"), 2, 2);
  const std::string targets[] = {"../out/b.h5", folders.out("b.h5"), "symlink.h5"};
  const std::string target = targets[GENERATE(0, 1, 2)];
  std::filesystem::create_symlink(folders.out("b.h5"), folders.in("symlink.h5"));
  link_to(folders.in("a.h5"), target);

  const Error error = open_error(folders.in("a.h5"), kX);
  CHECK(error.code() == ErrorCode::kRefused);
  CHECK(says(error, "external link to '" + target + "' leads outside"));
  CHECK(read_all(folders.in("a.h5"), kX, outside_allowed()) == counting(4));
}

TEST_CASE("a link whose file is missing is not looked up in the working directory",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.out("b.h5"), 2, 2);
  link_to(folders.in("a.h5"), "b.h5");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folders.out(""));
  const Error error = open_error(folders.in("a.h5"), kX);
  std::filesystem::current_path(before);
  CHECK(error.code() == ErrorCode::kNotFound);
  CHECK(says(error, folders.in("b.h5") + " does not exist"));
}

TEST_CASE("external raw files are read, refused and missed by the same rules",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_raw(folders.in("raw.bin"), counting(6));
  write_raw(folders.out("raw.bin"), counting(6, 10));

  write_external(folders.in("a.h5"), "raw.bin");
  CHECK(Dataset(folders.in("a.h5"), kX).info().layout == Layout::kExternal);
  CHECK(read_all(folders.in("a.h5"), kX) == counting(6));

  write_external(folders.in("b.h5"), "../out/raw.bin");
  CHECK(open_error(folders.in("b.h5"), kX).code() == ErrorCode::kRefused);
  CHECK(read_all(folders.in("b.h5"), kX, outside_allowed()) == counting(6, 10));

  write_external(folders.in("c.h5"), "none.bin");
  CHECK(open_error(folders.in("c.h5"), kX).code() == ErrorCode::kNotFound);
}

TEST_CASE("virtual datasets join their sources", "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("s0.h5"), 2, 2);
  write_counting_file(folders.in("s1.h5"), 2, 2);
  write_virtual(folders.in("v.h5"), {"s0.h5", folders.in("s1.h5")});
  CHECK(Dataset(folders.in("v.h5"), kX).info().layout == Layout::kVirtual);
  CHECK(read_all(folders.in("v.h5"), kX) == std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3});
  write_virtual(folders.in("w.h5"), {"v.h5"});
  CHECK(read_all(folders.in("w.h5"), kX) == counting(4));
}

TEST_CASE("a virtual source that is missing is an error, not fill values",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("s0.h5"), 2, 2);
  write_virtual(folders.in("v.h5"), {"s0.h5", "s1.h5"});
  const Error absent = open_error(folders.in("v.h5"), kX);
  CHECK(absent.code() == ErrorCode::kNotFound);
  CHECK(says(absent, "virtual source 's1.h5'"));

  H5::H5File(folders.in("s1.h5"), H5F_ACC_TRUNC).createGroup("g");
  CHECK(says(open_error(folders.in("v.h5"), kX), "has no dataset '/x'"));
  write_virtual(folders.in("w.h5"), {"v.h5"});
  CHECK(open_error(folders.in("w.h5"), kX).code() == ErrorCode::kNotFound);
}

TEST_CASE("virtual sources outside the folder are refused, at any depth",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.out("s.h5"), 2, 2);
  write_virtual(folders.in("v.h5"), {"../out/s.h5"});
  write_virtual(folders.in("w.h5"), {"v.h5"});
  link_to(folders.in("l.h5"), "../out/s.h5");
  write_virtual(folders.in("u.h5"), {"l.h5"});
  CHECK(open_error(folders.in("v.h5"), kX).code() == ErrorCode::kRefused);
  CHECK(open_error(folders.in("w.h5"), kX).code() == ErrorCode::kRefused);
  CHECK(open_error(folders.in("u.h5"), kX).code() == ErrorCode::kRefused);
  CHECK(read_all(folders.in("w.h5"), kX, outside_allowed()) == counting(4));
}

TEST_CASE("a virtual dataset that contains itself is refused", "[readers][hdf5][sources]") {
  const Folders folders;
  write_virtual(folders.in("a.h5"), {"b.h5"});
  write_virtual(folders.in("b.h5"), {"a.h5"});
  write_virtual(folders.in("c.h5"), {"c.h5"});
  CHECK(open_error(folders.in("a.h5"), kX).code() == ErrorCode::kCorruptData);
  CHECK(says(open_error(folders.in("c.h5"), kX), "contains itself"));
}

TEST_CASE("a source that changes or goes while open is noticed", "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("s.h5"), 2, 2);
  write_virtual(folders.in("v.h5"), {"s.h5"});
  Dataset dataset(folders.in("v.h5"), kX);
  SECTION("rewritten") { write_counting_file(folders.in("s.h5"), 20, 20); }
  SECTION("removed") { std::filesystem::remove(folders.in("s.h5")); }
  CHECK(error_of([&] { read(dataset, 0, 2); }).code() == ErrorCode::kSourceChanged);
}

TEST_CASE("a variable that redirects sources is refused", "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("s.h5"), 2, 2);
  write_virtual(folders.in("v.h5"), {"s.h5"});
  ::setenv("HDF5_VDS_PREFIX", folders.out("").c_str(), 1);
  const Error error = open_error(folders.in("v.h5"), kX);
  ::unsetenv("HDF5_VDS_PREFIX");
  CHECK(error.code() == ErrorCode::kRefused);
  CHECK(says(error, "HDF5_VDS_PREFIX"));
}

TEST_CASE("numbered virtual sources end with the first that is missing",
          "[readers][hdf5][sources]") {
  const Folders folders;
  write_counting_file(folders.in("s0.h5"), 2, 2);
  write_counting_file(folders.in("s1.h5"), 2, 2);
  const auto pattern = GENERATE(std::string("s%b.h5"), std::string("../out/s%b.h5"));
  const hsize_t most[] = {H5S_UNLIMITED, 2};
  const hsize_t shape[] = {2, 2};
  const hsize_t start[] = {0, 0};
  const hsize_t stride[] = {2, 1};
  const hsize_t count[] = {H5S_UNLIMITED, 1};
  const H5::DataSpace all(2, shape, most);
  all.selectHyperslab(H5S_SELECT_SET, count, start, stride, shape);
  const H5::DSetCreatPropList creation;
  H5Pset_virtual(creation.getId(), all.getId(), pattern.c_str(), kX, space_of({2, 2}).getId());
  H5::H5File(folders.in("v.h5"), H5F_ACC_TRUNC)
      .createDataSet("x", H5::PredType::STD_I32LE, H5::DataSpace(2, shape, most), creation);

  if (pattern[0] == 's') {
    CHECK(read_all(folders.in("v.h5"), kX).size() == 8);
  } else {
    CHECK(open_error(folders.in("v.h5"), kX).code() == ErrorCode::kRefused);
  }
}

}  // namespace
}  // namespace h5flume::hdf5
