#include "readers/chunks/index_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/channel.h"
#include "readers/chunks/row_reader.h"
#include "readers/worker/isolated_dataset.h"
#include "tests/readers/chunks/index_support.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;
using h5flume::chunks::IndexFolder;

namespace {

namespace fs = std::filesystem;

constexpr hsize_t kManyRows = 10'001;

// Gives a file the time of change of one that was left alone for long.
void settle(const std::string& file) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - 1h);
}

// A file of many chunks, and a folder for its index.
struct ManyChunks {
  explicit ManyChunks(hsize_t rows = kManyRows) {
    hdf5::NewChunkedFile(file, {{rows}, {1}, hdf5::Index::kImplicit}).write_counting();
    settle(file);
    index = indexed(file);
  }
  auto find() const { return folder.find(file, "x", false); }
  std::string kept() const { return folder.path_of(index.identity, "x", false); }

  TemporaryFolder temporary;
  std::string file = temporary.file("a.h5");
  std::string path = temporary.file("cache/h5flume");
  IndexFolder folder{path};
  chunks::IndexedDataset index;
};

std::size_t files_in(const std::string& folder) {
  if (!fs::exists(folder)) return 0;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

// Keeps the index of a dataset over and over, until it is killed; says so each time on
// descriptor 3.
int keep_until_killed(const std::vector<std::string>& arguments) {
  const auto index = indexed(arguments[0]);
  const IndexFolder folder(arguments[1]);
  Channel channel{FileDescriptor(3)};
  do folder.keep(index);
  while (channel.send("kept"));
  return 0;
}

const ChildRole kKeeper("keep-index", keep_until_killed);

}  // namespace

TEST_CASE("a kept index is found again, in a folder that is the user's alone",
          "[reader][chunks][index]") {
  const ManyChunks data;
  CHECK_FALSE(data.find());
  data.folder.keep(data.index);
  REQUIRE(data.find());
  CHECK(*data.find() == data.index);
  struct stat status {};
  REQUIRE(::stat(data.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  CHECK(files_in(data.path) == 1);
}

TEST_CASE("an index is found for the dataset, the option and the file it is of only",
          "[reader][chunks][index]") {
  const ManyChunks data;
  data.folder.keep(data.index);
  CHECK_FALSE(data.folder.find(data.file, "/x", false));
  CHECK_FALSE(data.folder.find(data.file, "x", true));
  CHECK_FALSE(IndexFolder("").find(data.file, "x", false));

  const std::string link = data.temporary.file("link.h5");
  fs::create_hard_link(data.file, link);
  REQUIRE(data.folder.find(link, "x", false));
  CHECK(data.folder.find(link, "x", false)->info.file == link);

  SECTION("written to") { std::ofstream(data.file, std::ios::app) << "more"; }
  SECTION("touched") { fs::last_write_time(data.file, fs::file_time_type::clock::now()); }
  SECTION("replaced") {
    fs::copy_file(data.file, data.temporary.file("copy.h5"));
    fs::last_write_time(data.temporary.file("copy.h5"), fs::last_write_time(data.file));
    fs::rename(data.temporary.file("copy.h5"), data.file);
  }
  SECTION("removed") { fs::remove(data.file); }
  CHECK_FALSE(data.find());
}

TEST_CASE("small indices and those of files just written are not kept", "[reader][chunks][index]") {
  const ManyChunks small(IndexFolder::kFewestChunks - 1);
  small.folder.keep(small.index);
  CHECK(files_in(small.path) == 0);

  ManyChunks data;
  fs::last_write_time(data.file, fs::file_time_type::clock::now());
  data.folder.keep(indexed(data.file));
  CHECK(files_in(data.path) == 0);
}

TEST_CASE("an index that was damaged, forged or put in its place is made anew",
          "[reader][chunks][index]") {
  ManyChunks data;
  const hdf5::OpenOptions options{.index_folder = data.path};
  const auto rows = all_rows(*open_row_reader(data.file, "x", options));
  REQUIRE(data.find());
  SECTION("truncated") { fs::resize_file(data.kept(), GENERATE(0, 1, 60, 1000, 200'000)); }
  SECTION("a changed byte") {
    std::fstream file(data.kept(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100'000);
    file.put('!');
  }
  SECTION("of another file") {
    const ManyChunks other(kManyRows + 1);
    other.folder.keep(other.index);
    fs::copy_file(other.kept(), data.kept(), fs::copy_options::overwrite_existing);
  }
  SECTION("of another dataset") {
    auto forged = data.index;
    forged.info.path = "y";
    const IndexImage image(forged);
    std::ofstream(data.kept(), std::ios::binary)
        .write(reinterpret_cast<const char*>(image.data()),
               static_cast<std::streamsize>(image.size()));
  }
  SECTION("a link") {
    fs::rename(data.kept(), data.temporary.file("elsewhere"));
    fs::create_symlink(data.temporary.file("elsewhere"), data.kept());
  }
  SECTION("a pipe") {
    fs::remove(data.kept());
    REQUIRE(::mkfifo(data.kept().c_str(), 0600) == 0);
    CHECK_FALSE(data.find());
    CHECK(all_rows(*open_row_reader(data.file, "x", options)) == rows);
    return;
  }
  CHECK_FALSE(data.find());
  CHECK(all_rows(*open_row_reader(data.file, "x", options)) == rows);
  CHECK(data.find());
  CHECK(all_rows(*open_row_reader(data.file, "x", options)) == rows);
}

TEST_CASE("a folder that cannot be used is no error", "[reader][chunks][index]") {
  const ManyChunks data;
  std::string path;
  SECTION("under a file") { path = data.file + "/folder"; }
  SECTION("where none can be made") { path = "/proc/h5flume"; }
  SECTION("that is a file") {
    path = data.temporary.file("file");
    std::ofstream(path) << "text";
  }
  SECTION("that must not be written to") {
    path = data.temporary.file("read-only");
    REQUIRE(::mkdir(path.c_str(), 0500) == 0);
  }
  SECTION("with a name too long") { path = data.temporary.file(std::string(300, 'x')); }
  const auto reader = open_row_reader(data.file, "x", {.index_folder = path});
  CHECK(reader->info().hdf5_reason.empty());
  CHECK(all_rows(*reader) == read_by_index(data.index));
}

TEST_CASE("a folder holds no more than it may: what was used longest ago goes",
          "[reader][chunks][index]") {
  const ManyChunks first, second(kManyRows + 1), third(kManyRows + 2);
  const IndexFolder folder(first.temporary.file("small"), 600'000);  // room for two
  folder.keep(first.index);
  folder.keep(second.index);
  const auto long_ago = fs::file_time_type::clock::now() - 2h;
  fs::last_write_time(folder.path_of(first.index.identity, "x", false), long_ago);
  fs::last_write_time(folder.path_of(second.index.identity, "x", false), long_ago);
  const std::string abandoned = folder.path_of(first.index.identity, "x", false) + ".123-0.tmp";
  std::ofstream(abandoned) << "of a writer that was killed";
  fs::last_write_time(abandoned, long_ago);
  const std::string stranger = first.temporary.file("small") + "/notes.txt";
  std::ofstream(stranger) << "none of ours";
  fs::last_write_time(stranger, long_ago);

  REQUIRE(folder.find(first.file, "x", false));  // used
  folder.keep(third.index);
  CHECK(folder.find(first.file, "x", false));
  CHECK_FALSE(folder.find(second.file, "x", false));
  CHECK(folder.find(third.file, "x", false));
  CHECK_FALSE(fs::exists(abandoned));
  CHECK(fs::exists(stranger));
  IndexFolder(first.temporary.file("none"), 100).keep(first.index);
  CHECK(files_in(first.temporary.file("none")) == 0);
}

TEST_CASE("many may keep and find the same index at once", "[reader][chunks][index]") {
  const ManyChunks data;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        data.folder.keep(data.index);
        const auto found = data.find();
        if (!found || *found != data.index) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(files_in(data.path) == 1);
}

TEST_CASE("whoever is killed while keeping an index leaves a whole one or none",
          "[reader][chunks][index][kill]") {
  const ManyChunks data;
  for (int i = 0; i < 5; ++i) {
    auto [channel, other_end] = Channel::make();
    std::vector<ChildProcess> keepers;
    for (int k = 0; k < 2; ++k) {
      keepers.push_back(start_child("keep-index", {data.file, data.path}, {other_end.get()}));
    }
    for (int kept = 0; kept <= i; ++kept) REQUIRE(channel.receive());
    keepers.clear();  // kills
    REQUIRE(data.find());
    CHECK(*data.find() == data.index);
  }
}

TEST_CASE("a kept index serves readers, worker processes and threads, without another process",
          "[reader][chunks][index][worker]") {
  const ManyChunks data;
  const FileOptions keeping{.index_folder = data.path};
  const FileOptions without_worker{.worker_path = "/nowhere", .index_folder = data.path};
  CHECK_THROWS(open_isolated(data.file, "x", without_worker));
  const auto first = open_isolated(data.file, "x", keeping);  // its worker keeps the index
  REQUIRE(data.find());
  const auto second = open_isolated(data.file, "x", without_worker);
  CHECK(second->info() == first->info());
  CHECK(all_rows(*second) == all_rows(*first));
  const auto third = open_row_reader(data.file, "x", {.index_folder = data.path});
  CHECK(all_rows(*third) == all_rows(*first));
}

TEST_CASE("where indices are kept is the option's, the environment's or the cache's to say",
          "[reader][chunks][index]") {
  const char* const names[] = {"H5FLUME_INDEX_FOLDER", "XDG_CACHE_HOME", "HOME"};
  std::vector<std::optional<std::string>> before;
  for (const char* name : names) {
    const char* value = std::getenv(name);
    before.push_back(value ? std::optional<std::string>(value) : std::nullopt);
    ::unsetenv(name);
  }
  CHECK(chunks::index_folder_path({}).empty());
  ::setenv("HOME", "/home/ada", 1);
  CHECK(chunks::index_folder_path({}) == "/home/ada/.cache/h5flume");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  CHECK(chunks::index_folder_path({}) == "/home/ada/.cache/h5flume");
  ::setenv("XDG_CACHE_HOME", "/cache", 1);
  CHECK(chunks::index_folder_path({}) == "/cache/h5flume");
  ::setenv("H5FLUME_INDEX_FOLDER", "", 1);
  CHECK(chunks::index_folder_path({}).empty());
  CHECK(chunks::index_folder_path("/mine") == "/mine");
  CHECK(chunks::index_folder_path("").empty());
  for (std::size_t i = 0; i < before.size(); ++i) {
    before[i] ? ::setenv(names[i], before[i]->c_str(), 1) : ::unsetenv(names[i]);
  }
}
