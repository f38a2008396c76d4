#include "storage/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/error_of.h"

using h5flume::AtomicFile;
using h5flume::Error;
using h5flume::ErrorCode;
using h5flume::test::bytes_of;
using h5flume::test::error_of;
using h5flume::test::read_file;

namespace {

namespace fs = std::filesystem;

// A folder of its own for one test case.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "h5flume-atomic-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

void put(const std::string& path, std::string_view text) { std::ofstream(path) << text; }

bool names(const Error& error, std::string_view text) {
  return std::string_view(error.what()).find(text) != std::string_view::npos;
}

}  // namespace

TEST_CASE("a committed file is at its destination and nothing else is left", "[storage][atomic]") {
  const Folder folder;
  AtomicFile file(folder / "out");
  file.write_at(0, bytes_of("rows"));
  CHECK_FALSE(fs::exists(folder / "out"));

  std::move(file).commit();
  CHECK(read_file(folder / "out") == "rows");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file that is not committed leaves nothing behind", "[storage][atomic]") {
  const Folder folder;
  { AtomicFile(folder / "out").write_at(0, bytes_of("rows")); }
  CHECK(folder.entries() == 0);
}

TEST_CASE("the old file stays as it was until commit replaces it", "[storage][atomic]") {
  const Folder folder;
  put(folder / "out", "old");
  { AtomicFile(folder / "out").write_at(0, bytes_of("abandoned")); }
  CHECK(read_file(folder / "out") == "old");

  AtomicFile file(folder / "out");
  file.write_at(0, bytes_of("new"));
  CHECK(read_file(folder / "out") == "old");
  std::move(file).commit();
  CHECK(read_file(folder / "out") == "new");
}

TEST_CASE("positional writes come in any order and gaps read as zeros", "[storage][atomic]") {
  const Folder folder;
  AtomicFile file(folder / "out");
  file.resize(10);
  file.write_at(6, bytes_of("cd"));
  file.write_at(0, bytes_of("ab"));
  std::move(file).commit();
  CHECK(read_file(folder / "out") == std::string("ab\0\0\0\0cd\0\0", 10));
}

TEST_CASE("a moved file is published once, by its new owner", "[storage][atomic]") {
  const Folder folder;
  AtomicFile first(folder / "out");
  first.write_at(0, bytes_of("rows"));
  AtomicFile second = std::move(first);
  first.abandon();
  std::move(second).commit();
  second.abandon();
  CHECK(read_file(folder / "out") == "rows");
  CHECK(folder.entries() == 1);
}

TEST_CASE("two writers of one destination do not meet; the last commit stays",
          "[storage][atomic]") {
  const Folder folder;
  AtomicFile first(folder / "out");
  AtomicFile second(folder / "out");
  first.write_at(0, bytes_of("first"));
  second.write_at(0, bytes_of("second"));
  std::move(second).commit();
  CHECK(read_file(folder / "out") == "second");
  std::move(first).commit();
  CHECK(read_file(folder / "out") == "first");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a link at the destination is kept and its target replaced", "[storage][atomic]") {
  const Folder folder;
  put(folder / "target", "old");
  fs::create_symlink(folder / "target", folder / "link");
  AtomicFile file(folder / "link");
  file.write_at(0, bytes_of("new"));
  std::move(file).commit();
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "target") == "new");
}

TEST_CASE("a published file has the permissions of any new file", "[storage][atomic]") {
  const Folder folder;
  const mode_t mask = ::umask(027);
  AtomicFile file(folder / "out");
  ::umask(mask);
  std::move(file).commit();
  struct stat status {};
  REQUIRE(::stat((folder / "out").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("a destination that cannot be written is an error that names it", "[storage][atomic]") {
  const Folder folder;
  const auto missing = error_of([&] { AtomicFile(folder / "no/out").abandon(); });
  CHECK(missing.code() == ErrorCode::kNotFound);
  CHECK(names(missing, folder / "no/out"));

  fs::create_directory(folder / "sub");
  const auto directory = error_of([&] { AtomicFile(folder / "sub").abandon(); });
  CHECK(directory.code() == ErrorCode::kInvalidArgument);
  CHECK(names(directory, folder / "sub"));

  const auto device = error_of([&] { AtomicFile("/dev/null").abandon(); });
  CHECK(device.code() == ErrorCode::kInvalidArgument);
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a write that the system refuses names the destination and publishes nothing",
          "[storage][atomic]") {
  const Folder folder;
  // A limit on file sizes stands for a full disk: the first pwrite() is cut short there.
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ::getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{4096, old_limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::vector<std::byte> bytes(10'000);
  const auto error = error_of([&] { AtomicFile(folder / "out").write_at(0, bytes); });
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_action);

  CHECK(names(error, folder / "out"));
  CHECK(folder.entries() == 0);
}
