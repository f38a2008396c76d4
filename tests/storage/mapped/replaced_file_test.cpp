#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/file_descriptor.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_id_map.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

// A file that is read while it is replaced, and one that is read ahead.
using namespace h5flume;
using namespace h5flume::test;

namespace {

constexpr std::size_t kKeys = 200;
constexpr std::size_t kEditionsToSee = 20;

// All values of a map are of one edition.
struct Page {
  std::uint64_t edition = 0;
  std::string text;
};
H5FLUME_FIELDS(Page, edition, text);

using Book = MappedMap<std::string, Page>;

std::string text_of(std::uint64_t edition) {
  return "a text that is longer than its slot, of edition " + std::to_string(edition);
}

void publish(const std::string& path, std::uint64_t edition) {
  std::map<std::string, Page> pages;
  for (std::size_t i = 0; i < kKeys; ++i) {
    pages["page " + std::to_string(i)] = {edition, text_of(edition)};
  }
  Book::build(path, pages, {.durable = false});
}

// The edition of a book that is whole; nothing for any other.
std::optional<std::uint64_t> edition_of(const Book& book) {
  if (book.size() != kKeys) return std::nullopt;
  const std::uint64_t edition = book.at("page 0").edition();
  for (std::size_t i = 0; i < kKeys; ++i) {
    const auto page = book.at("page " + std::to_string(i));
    if (page.edition() != edition || page.text() != text_of(edition)) return std::nullopt;
  }
  return edition;
}

// Opens the file again and again until several editions have been seen. All of them have to be
// whole, none older than the one before, and the first one still there at the end.
bool read_editions(const std::string& path) {
  const Book first = Book::open(path);
  const auto first_edition = edition_of(first);
  std::uint64_t last = first_edition.value_or(0);
  for (std::size_t seen = 1; seen < kEditionsToSee;) {
    const auto edition = edition_of(
        Book::open(path, {.validation = seen % 2 == 0 ? Validation::kFull : Validation::kHeader}));
    if (!edition || *edition < last) return false;
    seen += *edition > last ? 1 : 0;
    last = *edition;
  }
  return first_edition && edition_of(first) == first_edition;
}

// Arguments: the path.
int read_in_process(const std::vector<std::string>& arguments) {
  return read_editions(arguments[0]) ? 0 : 1;
}
const ChildRole kReader("edition-reader", read_in_process);

}  // namespace

TEST_CASE("several processes read a file while it is replaced: each time a whole one",
          "[storage][mapped][map][process]") {
  const TemporaryFolder folder;
  std::uint64_t edition = 1;
  publish(folder.file("book"), edition);
  std::vector<ChildProcess> readers;
  for (int i = 0; i < 3; ++i)
    readers.push_back(start_child("edition-reader", {folder.file("book")}));

  std::vector<std::optional<ExitStatus>> ends(readers.size());
  while (!std::ranges::all_of(ends, [](const auto& end) { return end.has_value(); })) {
    publish(folder.file("book"), ++edition);
    for (std::size_t i = 0; i < readers.size(); ++i) {
      if (!ends[i]) ends[i] = readers[i].wait(std::chrono::milliseconds(0));
    }
  }
  for (const auto& end : ends) CHECK(end == ExitStatus{});
  CHECK(edition >= kEditionsToSee);
}

TEST_CASE("two threads read a file while it is replaced: each time a whole one",
          "[storage][mapped][map][threads]") {
  const TemporaryFolder folder;
  std::uint64_t edition = 1;
  publish(folder.file("book"), edition);
  std::array<std::atomic<char>, 2> good{};
  std::atomic<int> reading = 2;
  std::vector<std::thread> readers;
  for (auto& result : good) {
    readers.emplace_back([&] {
      result = static_cast<char>(read_editions(folder.file("book")));
      --reading;
    });
  }
  while (reading > 0) publish(folder.file("book"), ++edition);
  for (auto& reader : readers) reader.join();
  CHECK(good[0] == 1);
  CHECK(good[1] == 1);
}

// --- reading ahead -------------------------------------------------------------------------------

namespace {

std::span<const std::byte> whole_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  return {reinterpret_cast<const std::byte*>(first), end - first};
}

// How many of the pages of a mapping are in memory.
std::size_t resident_pages(std::span<const std::byte> pages) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident(pages.size() / page);
  REQUIRE(::mincore(const_cast<std::byte*>(pages.data()), pages.size(), resident.data()) == 0);
  return static_cast<std::size_t>(
      std::ranges::count_if(resident, [](unsigned char flags) { return (flags & 1U) != 0; }));
}

// Asks the system to forget a file that is on disk and that nobody has mapped.
void drop_from_cache(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
}

}  // namespace

TEST_CASE("preload() brings a file into memory before it is read", "[storage][mapped][array]") {
  const TemporaryFolder folder;
  const std::vector<std::uint64_t> numbers(std::size_t{4} << 20U, 7);
  MappedArray<std::uint64_t>::build(folder.file("a"), numbers);  // durable: its pages are clean
  drop_from_cache(folder.file("a"));
  const auto array = MappedArray<std::uint64_t>::open(folder.file("a"));
  const auto pages = whole_pages(array.container().section(mapped::SectionKind::kRecords));
  const std::size_t before = resident_pages(pages);
  const std::size_t all = pages.size() / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (before == all) {
    WARN("this file system keeps its files in memory: nothing to see");
    return;
  }
  array.preload();
  const auto last = whole_pages(pages.last(pages.size() / 256));  // far from the first
  const auto watchdog = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (resident_pages(last) == 0 && std::chrono::steady_clock::now() < watchdog) {
    std::this_thread::yield();
  }
  CHECK(resident_pages(last) > 0);
  CHECK(resident_pages(pages) > all / 2);
}

TEST_CASE("a file that is opened for random access is read page by page",
          "[storage][mapped][array]") {
  const TemporaryFolder folder;
  const std::vector<std::uint64_t> numbers(std::size_t{4} << 20U, 7);
  MappedArray<std::uint64_t>::build(folder.file("a"), numbers);
  const auto pages_read = [&](bool random_access) {
    drop_from_cache(folder.file("a"));
    const auto array =
        MappedArray<std::uint64_t>::open(folder.file("a"), {.random_access = random_access});
    CHECK(array[numbers.size() / 2] == 7);
    return resident_pages(whole_pages(array.container().section(mapped::SectionKind::kRecords)));
  };
  const std::size_t around = pages_read(false);
  const std::size_t alone = pages_read(true);
  if (around < 3 || alone > 1000) {
    WARN("this file system reads nothing ahead, or keeps its files in memory: nothing to see");
    return;
  }
  CHECK(alone < around);
}

TEST_CASE("preload() takes containers of every kind, at any address", "[storage][mapped][map]") {
  const std::vector<std::pair<std::string, std::uint64_t>> pairs{{"a", 1}};
  auto bytes = MappedIdMap<std::string>::build_bytes(pairs);
  bytes.insert(bytes.begin(), std::byte{0});
  const auto ids = MappedIdMap<std::string>::from_bytes(std::span(bytes).subspan(1));
  ids.preload();
  CHECK(ids.find("a") == 1U);

  const auto none = MappedMap<std::string, int>::build_bytes(std::map<std::string, int>{});
  const auto map = MappedMap<std::string, int>::from_bytes(none);
  map.preload();
  CHECK(map.empty());
}
