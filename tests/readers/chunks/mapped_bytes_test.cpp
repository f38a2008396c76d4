#include "readers/chunks/mapped_bytes.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/bytes.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;
using h5flume::chunks::FileBytes;
using h5flume::chunks::MappedBytes;

namespace {

// A file of two megabytes, of which the first is data that a pass fetches.
struct MappedFile {
  static constexpr std::size_t kDataBytes = 1 << 20;

  MappedFile() {
    for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = static_cast<char>(i * i >> 7);
    std::ofstream(path, std::ios::binary) << contents;
  }

  // Whether the bytes are the file's, and lie where no copy was made of them.
  bool are_in_place(const MappedBytes& bytes, std::size_t offset, std::size_t size) {
    const auto found = bytes.fetch(offset, size, buffer);
    CHECK(std::ranges::equal(found, bytes_of(contents).subspan(offset, size)));
    return found.data() != buffer.data();
  }

  TemporaryFolder folder;
  std::string path = folder.file("data");
  std::string contents = std::string(2 * kDataBytes, '\0');
  std::vector<std::byte> buffer;
};

constexpr std::size_t kSmallRun = 100'000;
constexpr std::size_t kLargeRun = 600'000;

}  // namespace

TEST_CASE("small runs are copied in the first pass over the data only", "[readers][chunks]") {
  MappedFile file;
  const MappedBytes bytes(FileBytes(file.path, identity_of(file.path)), MappedFile::kDataBytes);
  for (std::size_t offset = 0; offset < MappedFile::kDataBytes; offset += kSmallRun) {
    CHECK_FALSE(file.are_in_place(bytes, offset, kSmallRun));
  }
  CHECK(file.are_in_place(bytes, 17, kSmallRun));
}

TEST_CASE("large runs are never copied", "[readers][chunks]") {
  MappedFile file;
  const MappedBytes bytes(FileBytes(file.path, identity_of(file.path)), MappedFile::kDataBytes);
  CHECK(file.are_in_place(bytes, 17, kLargeRun));
}

TEST_CASE("a mapped file that has been cut short is an error in any pass", "[readers][chunks]") {
  MappedFile file;
  const MappedBytes bytes(FileBytes(file.path, identity_of(file.path)), 0);
  REQUIRE(file.are_in_place(bytes, 0, kSmallRun));
  std::filesystem::resize_file(file.path, 1'000);
  const Error error = error_of([&] { bytes.fetch(0, kSmallRun, file.buffer); });
  CHECK(error.code() == ErrorCode::kSourceChanged);
}
