#include "core/file_mapping.h"

#include <fcntl.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

FileMapping map(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return FileMapping(file.get(), path);
}

}  // namespace

TEST_CASE("a mapping shows all bytes of a file, also once its name is gone", "[core][mapping]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a");
  std::ofstream(path) << "some text";
  FileMapping mapping = map(path);
  std::filesystem::remove(path);
  const FileMapping moved = std::move(mapping);
  const auto bytes = moved.bytes();
  CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == "some text");
}

TEST_CASE("an empty file is an empty mapping, and a folder is none", "[core][mapping]") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("empty")).flush();
  CHECK(map(folder.file("empty")).bytes().empty());
  CHECK(FileMapping().bytes().empty());
  CHECK_THROWS_WITH(map(folder.path().string()), contains("it is no regular file"));
  CHECK_THROWS_AS(map(folder.file("not there")), Error);
}
