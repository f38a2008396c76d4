#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

std::vector<std::string> paths_of(const std::vector<ListedDataset>& listed) {
  std::vector<std::string> paths;
  for (const ListedDataset& dataset : listed) paths.push_back(dataset.path);
  return paths;
}

TEST_CASE("every dataset is listed once, in the order of names", "[readers][hdf5][list]") {
  const ScratchFolder folder;
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_ints(file, "z", {1}, {1});
    file.createGroup("g");
    write_ints(file, "g/y", {1}, {1});
    write_ints(file, "a", {1}, {1});
    file.link(H5G_LINK_HARD, "z", "g/again");
    file.link(H5G_LINK_HARD, "g", "g/cycle");
    file.link(H5G_LINK_SOFT, "/nowhere", "soft");
  }
  CHECK(paths_of(list_datasets(folder.file("a.h5"))) ==
        std::vector<std::string>{"/a", "/g/y", "/z"});
}

TEST_CASE("external links are listed with the reason if they cannot be followed",
          "[readers][hdf5][list]") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.file("in"));
  write_counting_file(folder.file("out.h5"), 1, 1);
  write_counting_file(folder.file("in/b.h5"), 1, 1);
  {
    const H5::H5File file(folder.file("in/a.h5"), H5F_ACC_TRUNC);
    const auto link = [&](const char* target, const char* name) {
      H5Lcreate_external(target, "/x", file.getId(), name, H5P_DEFAULT, H5P_DEFAULT);
    };
    link("b.h5", "good");
    link("../out.h5", "outside");
    link("none.h5", "absent");
  }
  const std::vector<ListedDataset> listed = list_datasets(folder.file("in/a.h5"));
  REQUIRE(paths_of(listed) == std::vector<std::string>{"/absent", "/good", "/outside"});
  CHECK(listed[0].error.find("does not exist") != std::string::npos);
  CHECK(listed[1].error.empty());
  CHECK(listed[2].error.find("leads outside") != std::string::npos);
}

TEST_CASE("the datasets of what is no HDF5 file cannot be listed", "[readers][hdf5][list]") {
  const ScratchFolder folder;
  CHECK(error_of([&] { list_datasets(folder.file("none.h5")); }).code() == ErrorCode::kNotFound);
}

}  // namespace
}  // namespace h5flume::hdf5
