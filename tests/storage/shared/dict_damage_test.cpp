// Segments that are damaged or forged: an Error or the right data, never a crash and never a wait
// for ever.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/support/bytes.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

using Bytes = std::string;

// In a file of its own: the one that is mapped somewhere is not touched.
void write_file(const std::string& path, const Bytes& bytes) {
  std::filesystem::remove(path);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  ::chmod(path.c_str(), 0600);
}

template <class T>
T at(const Bytes& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}
template <class T>
void put(Bytes& bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
}

// Offsets of docs/shared-dict.md.
constexpr std::size_t kCommit = 128;
constexpr std::size_t kGeneration = 136;
constexpr std::size_t kLock = 192;
constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kHeaderChecksum = 64;

// A dict that nobody is attached to: its two files, and what it holds.
struct StoredDict : SharedFixture {
  StoredDict() {
    {
      auto dict = create({.recurse = true, .auto_unlink = false, .buffer_bytes = 512});
      dict.set("before", Json{{"in", {{"x", 1}}}});
      dict.set("list", Json{1, 2, 3});
      dict.dump();
      dict.set("text", "some text");
      dict.set(5, 2.5);
      dict.erase("list");
      content = dict.to_json();
    }
    for (const auto& file : files()) {
      (file == "a.h5dict" ? control_path : generation_path) = folder + "/" + file;
    }
    control = read_file(control_path);
    generation = read_file(generation_path);
  }

  // Attaches, reads all and writes: "" if it is the right data, else the error's code.
  std::string use() const {
    auto options = this->options();
    options.lock_timeout = std::chrono::milliseconds(30);
    try {
      auto dict = SharedDict::attach("a", options);
      const Json found = dict.to_json();
      if (found != content) return "other data: " + found.dump();
      dict.set("more", std::string(600, 'm'));
      dict.dump();
      dict.status();
      if (dict.get<std::string>("more") != std::string(600, 'm')) return "a write is lost";
      return "";
    } catch (const Error& error) {
      return "error " + std::string(to_string(error.code()));
    }
  }
  void restore() const {
    for (const auto& file : files()) std::filesystem::remove(folder + "/" + file);
    write_file(control_path, control);
    write_file(generation_path, generation);
  }
  bool is_error_or_right(const std::string& result) const {
    return result.empty() || result.starts_with("error ");
  }

  Json content;
  std::string control_path, generation_path;
  Bytes control, generation;
};

}  // namespace

#define DAMAGE_TEST(name) TEST_CASE_METHOD(StoredDict, name, "[storage][shared][damage]")

DAMAGE_TEST("a segment cut anywhere is an error") {
  CHECK(use() == "");
  const bool is_control = GENERATE(true, false);
  const Bytes& whole = is_control ? control : generation;
  const std::string& path = is_control ? control_path : generation_path;
  // At each byte of what is used, then of each page.
  for (std::size_t size = 0; size < whole.size(); size += size < 1200 ? 1 : 997) {
    restore();
    write_file(path, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const auto result = use();
    if (result != "error corrupt_data") {
      CAPTURE(is_control, size);
      CHECK(result == "error corrupt_data");
    }
  }
  restore();
  Bytes longer = whole;
  longer.push_back(0);
  write_file(path, longer);
  CHECK(use() == "error corrupt_data");
}

DAMAGE_TEST("a segment that is missing or no file is an error") {
  std::filesystem::remove(generation_path);
  CHECK(use() == "error corrupt_data");
  restore();
  std::filesystem::remove(control_path);
  CHECK(use() == "error not_found");
  std::filesystem::create_directory(control_path);
  CHECK(use() == "error corrupt_data");
  std::filesystem::remove(control_path);
  std::filesystem::create_symlink("/etc/passwd", control_path);
  CHECK(use() == "error corrupt_data");
  std::filesystem::remove(control_path);
  REQUIRE(::mkfifo(control_path.c_str(), 0600) == 0);
  CHECK(use() == "error corrupt_data");
}

DAMAGE_TEST("a flipped bit is an error or does not matter") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  int errors = 0;
  int harmless = 0;
  const auto flip = [&](const std::string& path, Bytes bytes, std::size_t bit) {
    restore();
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    write_file(path, bytes);
    const auto result = use();
    ++(result.empty() ? harmless : errors);
    if (!is_error_or_right(result)) {
      CAPTURE(path, bit);
      CHECK(result == "an error or the right data");
    }
  };
  // All of what every use looks at; then any.
  for (std::size_t bit = 0; bit < 8 * 320; bit += 3) flip(control_path, control, bit);
  for (std::size_t bit = 0; bit < 8 * 700; bit += 5) flip(generation_path, generation, bit);
  for (int times = 0; times < 200; ++times) {
    flip(control_path, control, random() % (8 * control.size()));
    flip(generation_path, generation, random() % (8 * generation.size()));
  }
  CHECK(errors > 500);
  std::cout << "shared dict: " << errors << " flipped bits were errors, " << harmless
            << " did not matter\n";
}

DAMAGE_TEST("several flipped bits at once crash nothing") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int times = 0; times < 300; ++times) {
    restore();
    Bytes bad_control = control;
    Bytes bad_generation = generation;
    for (int count = 0; count < 6; ++count) {
      bad_control[kCommit + random() % 192] ^= static_cast<char>(1U << random() % 8);
      bad_generation[random() % 700] ^= static_cast<char>(1U << random() % 8);
    }
    write_file(control_path, bad_control);
    if (times % 2 == 0) write_file(generation_path, bad_generation);
    const auto result = use();
    if (!is_error_or_right(result)) {
      CAPTURE(times);
      CHECK(result == "an error or the right data");
    }
  }
}

DAMAGE_TEST("a lock whose holder is nobody is taken from it") {
  const std::uint64_t word = GENERATE(std::uint64_t{1}, std::uint64_t{1024}, std::uint64_t{1025},
                                      std::uint64_t{0xffff}, ~std::uint64_t{0});
  Bytes forged = control;
  put(forged, kLock, word);
  write_file(control_path, forged);
  CHECK(use() == "");
}

DAMAGE_TEST("forged offsets are errors") {
  const auto commit = at<std::uint64_t>(control, kCommit);
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{8}, commit - 8, commit + 8, commit + 1, commit - 1,
        commit + (std::uint64_t{1} << 20U), std::uint64_t{1} << 63U, ~std::uint64_t{0},
        ~std::uint64_t{7}}) {
    CAPTURE(wrong);
    restore();
    Bytes forged = control;
    put(forged, kCommit, wrong);
    write_file(control_path, forged);
    CHECK(use() == "error corrupt_data");
  }
  // Not 3: that is one that was announced and not committed, behind which 2 is found.
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4},
                                    ~std::uint64_t{0}, std::uint64_t{1} << 63U}) {
    CAPTURE(wrong);
    restore();
    Bytes forged = control;
    put(forged, kGeneration, wrong);
    write_file(control_path, forged);
    CHECK(use() == "error corrupt_data");
  }
}

DAMAGE_TEST("forged headers and frames are errors, their checksums right") {
  const auto forge = [&](std::size_t offset, auto value) {
    restore();
    Bytes forged = generation;
    put(forged, offset, value);
    put(forged, kHeaderChecksum, std::uint64_t{XXH3_64bits(forged.data(), kHeaderChecksum)});
    write_file(generation_path, forged);
    return use();
  };
  // Offsets: base 32, capacity 40, snapshot bytes 48, next node 12.
  const auto snapshot_bytes = at<std::uint64_t>(generation, 48);
  CHECK(forge(40, at<std::uint64_t>(generation, 40)) == "");
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, std::uint64_t{8}, snapshot_bytes - 8, snapshot_bytes + 8,
        std::uint64_t{1} << 40U, ~std::uint64_t{0} - 63}) {
    CAPTURE(wrong);
    CHECK(forge(48, wrong) == "error corrupt_data");
    CHECK(forge(40, wrong) == "error corrupt_data");
    CHECK(forge(32, wrong) == "error corrupt_data");
  }
  CHECK(forge(12, std::uint32_t{0}) == "error corrupt_data");
  CHECK(forge(12, std::uint32_t{1}) == "error corrupt_data");  // there are nested dicts already

  // The first frame of the snapshot, which has position 0: its size, and what its first operation
  // says of itself: what, kinds, node, sizes.
  const auto forge_frame = [&](std::size_t offset, auto value) {
    restore();
    Bytes forged = generation;
    const auto size = at<std::uint32_t>(forged, kHeaderBytes);
    put(forged, kHeaderBytes + offset, value);
    const std::uint64_t hash = XXH3_64bits_withSeed(forged.data() + kHeaderBytes + 8, size - 8, 0);
    put(forged, kHeaderBytes + 4, static_cast<std::uint32_t>(hash ^ (hash >> 32U)));
    write_file(generation_path, forged);
    return use();
  };
  CHECK(forge_frame(12, std::uint32_t{0}) == "");  // the node is the root, and stays it
  for (const std::uint32_t wrong : {0U, 4U, 7U, 12U, 1U << 30U, ~0U, ~7U}) {
    CAPTURE(wrong);
    CHECK(forge_frame(0, wrong) == "error corrupt_data");
  }
  for (const std::uint32_t wrong : {7U, 1U << 20U, ~0U, ~7U}) {
    CAPTURE(wrong);
    CHECK(forge_frame(12, wrong) == "error corrupt_data");
    CHECK(forge_frame(16, wrong) == "error corrupt_data");
    CHECK(forge_frame(20, wrong) == "error corrupt_data");
  }
  for (std::size_t field = 8; field < 12; ++field) {
    for (const int wrong : {4, 100, 255}) {
      CAPTURE(field, wrong);
      CHECK(is_error_or_right(forge_frame(field, static_cast<char>(wrong))));
    }
  }
}

DAMAGE_TEST("another version is not taken for damage") {
  for (const auto& [path, bytes] :
       {std::pair(control_path, control), std::pair(generation_path, generation)}) {
    restore();
    Bytes later = bytes;
    put(later, 8, std::uint32_t{2});
    write_file(path, later);
    CHECK(use() == "error unsupported");
  }
}

DAMAGE_TEST("a generation of another dict is not taken for one's own") {
  auto other = create({.auto_unlink = false}, "b");
  other.set("x", 1);
  const auto found = files();
  for (const auto& file : found) {
    if (file.starts_with("b.h5dict.")) write_file(generation_path, read_file(folder + "/" + file));
  }
  CHECK(use() == "error corrupt_data");
}

DAMAGE_TEST("values that the serializer cannot read are errors") {
  auto reading = SharedSerializer::json();
  reading.loads = [](std::string_view /*bytes*/) -> Json {
    throw std::runtime_error("unreadable");
  };
  auto dict = create({.serializer = reading}, "b");
  dict.set("x", Json{1, 2});
  try {
    dict.get("x");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kCorruptData);
    CHECK_THAT(error.what(), contains("unreadable"));
  }
  for (const auto& serializer : {SharedSerializer::cbor(), SharedSerializer::msgpack()}) {
    const char level = serializer.name == "cbor" ? '\x81' : '\x91';
    CHECK_THROWS_AS(serializer.loads(std::string(1'000'000, level)), Error);
    CHECK_THROWS_AS(serializer.loads("\xff\xff\xff"), Error);
  }
}
