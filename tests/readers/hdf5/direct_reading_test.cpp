#include <fstream>

#include "tests/readers/hdf5/storage_support.h"

namespace h5flume::hdf5 {
namespace {

template <class T>
void write_as(const std::string& path, const H5::DataType& file_type, const H5::DataType& native,
              const H5::DSetCreatPropList& creation) {
  H5::H5File file(path, H5F_ACC_TRUNC);
  write_dataset(file, "x", {5, 3}, counting<T>(15, T(-3)), file_type, native, creation);
}

// One file by each layout that can be read directly.
H5::DSetCreatPropList direct_layout(int which) {
  return which == 0 ? H5::DSetCreatPropList() : chunked({2, 2});
}

TEST_CASE("numbers of either byte order are read by their map as libhdf5 reads them",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const auto layout = direct_layout(GENERATE(0, 1));
  std::size_t swap = 0;
  const auto write = [&]<class T>(T, const H5::PredType& file_type, const H5::PredType& native) {
    swap = file_type == native || sizeof(T) == 1 ? 0 : sizeof(T);
    write_as<T>(path, file_type, native, layout);
  };
  using P = H5::PredType;
  SECTION("int8") { write(std::int8_t{}, P::STD_I8BE, P::NATIVE_INT8); }
  SECTION("int16") { write(std::int16_t{}, P::STD_I16BE, P::NATIVE_INT16); }
  SECTION("uint16") { write(std::uint16_t{}, P::STD_U16BE, P::NATIVE_UINT16); }
  SECTION("int32") { write(std::int32_t{}, P::STD_I32BE, P::NATIVE_INT32); }
  SECTION("int32 as it is") { write(std::int32_t{}, P::STD_I32LE, P::NATIVE_INT32); }
  SECTION("uint64") { write(std::uint64_t{}, P::STD_U64BE, P::NATIVE_UINT64); }
  SECTION("bits") { write(std::uint32_t{}, P::STD_B32BE, P::NATIVE_B32); }
  SECTION("float") { write(float{}, P::IEEE_F32BE, P::NATIVE_FLOAT); }
  SECTION("double") { write(double{}, P::IEEE_F64BE, P::NATIVE_DOUBLE); }
  SECTION("double as it is") { write(double{}, P::IEEE_F64LE, P::NATIVE_DOUBLE); }

  Dataset dataset(path, "x");
  CHECK(dataset.storage_map().swap_bytes == swap);
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("enums, halves and arrays of the other byte order are read by their map",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const auto layout = direct_layout(GENERATE(0, 1));
  H5::DataType type;
  std::size_t swap = 0;
  SECTION("enum") {
    const H5::EnumType colours(H5::PredType::STD_I16BE);
    std::int16_t red = 0x0100;  // stored as 1, big-endian
    colours.insert("red", &red);
    type = colours;
    swap = 2;
  }
  SECTION("half") {
    type = H5::DataType(H5::PredType::IEEE_F32BE);
    REQUIRE(H5Tset_fields(type.getId(), 15, 10, 5, 0, 10) >= 0);
    REQUIRE(H5Tset_size(type.getId(), 2) >= 0);
    REQUIRE(H5Tset_ebias(type.getId(), 15) >= 0);
    swap = 2;
  }
  SECTION("array of arrays") {
    const hsize_t inner[] = {2, 3};
    const hsize_t outer[] = {4};
    type = H5::ArrayType(H5::ArrayType(H5::PredType::STD_U32BE, 2, inner), 1, outer);
    swap = 4;
  }
  const std::size_t bytes = 15 * type.getSize();
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    write_dataset(file, "x", {5, 3}, counting<std::uint8_t>(bytes), type, type, layout);
  }
  Dataset dataset(path, "x");
  CHECK(dataset.storage_map().swap_bytes == swap);
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("compounds, opaque bytes and text are read by their map as they lie",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const auto layout = direct_layout(GENERATE(0, 1));
  H5::DataType type;
  bool pads = false;
  SECTION("compound with gaps") {
    H5::CompType compound(std::size_t{16});
    compound.insertMember("a", 0, H5::PredType::NATIVE_INT8);
    compound.insertMember("b", 8, H5::PredType::NATIVE_DOUBLE);
    type = compound;
  }
  SECTION("opaque") { type = H5::DataType(H5T_OPAQUE, 5); }
  SECTION("text that ends at a NUL") {
    type = H5::StrType(H5::PredType::C_S1, 6);
    pads = true;
  }
  SECTION("text padded with spaces") {
    H5::StrType text(H5::PredType::C_S1, 6);
    text.setStrpad(H5T_STR_SPACEPAD);
    type = text;
    pads = true;
  }
  SECTION("text padded with NUL") {
    H5::StrType text(H5::PredType::C_S1, 6);
    text.setStrpad(H5T_STR_NULLPAD);
    type = text;
  }
  std::string text = "ab  cd\0ef  gh  ij     \0  kl";
  text.resize(15 * type.getSize(), ' ');
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    write_dataset(file, "x", {5, 3}, std::vector<char>(text.begin(), text.end()), type, type,
                  layout);
  }
  Dataset dataset(path, "x");
  CHECK(dataset.storage_map().text.empty() != pads);
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("a map's fill value is what libhdf5 delivers where nothing was written",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  H5::DSetCreatPropList creation = direct_layout(GENERATE(0, 1));
  const H5::PredType& type =
      GENERATE(true, false) ? H5::PredType::STD_I32BE : H5::PredType::STD_I32LE;
  const std::int32_t fill = 0x01020304;
  SECTION("none given") {}
  SECTION("a value") { creation.setFillValue(H5::PredType::NATIVE_INT32, &fill); }
  SECTION("a value of another type") {
    const double other = -5;
    creation.setFillValue(H5::PredType::NATIVE_DOUBLE, &other);
  }
  SECTION("a value that is never written") {
    creation.setFillValue(H5::PredType::NATIVE_INT32, &fill);
    creation.setFillTime(H5D_FILL_TIME_NEVER);
  }
  SECTION("no value") { H5Pset_fill_value(creation.getId(), H5T_NATIVE_INT, nullptr); }
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    H5::DataSet written = file.createDataSet("x", type, space_of({7, 5}), creation);
    if (creation.getLayout() == H5D_CHUNKED) {  // one chunk of many
      const hsize_t place[] = {3, 3};
      H5::DataSpace space = written.getSpace();
      space.selectElements(H5S_SELECT_SET, 1, place);
      written.write(&fill, H5::PredType::NATIVE_INT32, H5::DataSpace(H5S_SCALAR), space);
    }
  }
  Dataset dataset(path, "x");
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("a fill value of text is padded as text is", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  H5::StrType text(H5::PredType::C_S1, 4);
  text.setStrpad(H5T_STR_SPACEPAD);
  H5::DSetCreatPropList creation = chunked({2});
  creation.setFillValue(text, "a   ");
  H5::H5File(folder.file("a.h5"), H5F_ACC_TRUNC).createDataSet("x", text, space_of({3}), creation);
  Dataset dataset(folder.file("a.h5"), "x");
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("what only libhdf5 can read says why", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  OpenOptions options;
  std::string reason = "its elements are converted while they are read";
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    H5::DSetCreatPropList creation;
    SECTION("compact") {
      creation.setLayout(H5D_COMPACT);
      write_ints(file, "x", {4}, counting(4), creation);
      reason = "its layout is compact";
    }
    SECTION("virtual") {
      write_ints(file, "y", {4}, counting(4));
      const H5::DataSpace space = space_of({4});
      H5Pset_virtual(creation.getId(), space.getId(), ".", "y", space.getId());
      file.createDataSet("x", H5::PredType::STD_I32LE, space_of({4}), creation);
      reason = "its layout is virtual";
    }
    SECTION("external raw file") {
      creation.setExternal("raw.bin", 0, 16);
      std::ofstream(folder.file("raw.bin")) << "sixteen bytes...";
      file.createDataSet("x", H5::PredType::STD_I32LE, space_of({4}), creation);
      reason = "its values lie in external raw files";
    }
    SECTION("external link") {
      write_counting_file(folder.file("b.h5"), 4, 3);
      H5Lcreate_external("b.h5", "/x", file.getId(), "x", H5P_DEFAULT, H5P_DEFAULT);
      reason = "an external link leads to it, into another file";
    }
    SECTION("fields") {
      H5::CompType compound(std::size_t{8});
      compound.insertMember("a", 0, H5::PredType::NATIVE_INT32);
      compound.insertMember("b", 4, H5::PredType::NATIVE_INT32);
      write_dataset(file, "x", {4}, counting(8), compound, compound);
      options.fields = {"b"};
      reason = "fields of its elements are chosen";
    }
    SECTION("integers of three bytes") {
      H5::IntType three(H5::PredType::STD_I32LE);
      three.setSize(3);
      write_dataset(file, "x", {4}, counting(4), three, H5::PredType::NATIVE_INT32);
    }
    SECTION("integers of fewer bits than their bytes") {
      H5::IntType few(H5::PredType::STD_I32BE);
      few.setPrecision(24);
      write_dataset(file, "x", {4}, counting(4), few, H5::PredType::NATIVE_INT32);
    }
    SECTION("compound with a field of the other byte order") {
      H5::CompType compound(std::size_t{8});
      compound.insertMember("a", 0, H5::PredType::STD_I32BE);
      compound.insertMember("b", 4, H5::PredType::STD_I32LE);
      write_dataset(file, "x", {4}, counting(8), compound, compound);
    }
  }
  CHECK(map_of(path, "x", options).reason_for_hdf5 == reason);
}

TEST_CASE("an external link back into the same file can be read directly", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  {
    NewChunkedFile file(path, {{61, 43}, {5, 4}, Index::kBTree1});
    file.write_counting();
    H5Lcreate_external("a.h5", "/x", file.file.getId(), "link", H5P_DEFAULT, H5P_DEFAULT);
    file.file.link(H5L_TYPE_SOFT, "/x", "soft");
  }
  CHECK(map_of(path, "link").chunks == map_of(path).chunks);
  CHECK(map_of(path, "soft").chunks == map_of(path).chunks);
}

TEST_CASE("a dataset whose filter libhdf5 lacks can be mapped, not read by libhdf5",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  constexpr H5Z_filter_t kNobodysFilter = 511;
  H5::DSetCreatPropList creation = chunked({4, 3});
  H5Pset_filter(creation.getId(), kNobodysFilter, H5Z_FLAG_OPTIONAL, 0, nullptr);
  creation.setShuffle();
  write_counting_file(path, 12, 3, creation);

  Dataset dataset(path, "x", {.allow_missing_filters = true});
  CHECK(dataset.info().filters.size() == 2);
  const StorageMap map = dataset.storage_map();
  CHECK(map.reason_for_hdf5.empty());
  CHECK(map.chunks.size() == 3);
  CHECK(map.chunks[0].filter_mask == 1);
  const Error error = error_of([&] { read(dataset, 0, 1); });
  CHECK(error.code() == ErrorCode::kMissingFilter);
  CHECK(says(error, "read 'x' rows 0-0 of " + path + ": filter 511"));
}

}  // namespace
}  // namespace h5flume::hdf5
