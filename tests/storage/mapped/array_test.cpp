#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <ranges>
#include <thread>
#include <vector>

#include "core/error.h"
#include "storage/mapped/mapped_array.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/child_role.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

using Array = MappedArray<Sample>;

std::vector<Sample> cloned(const Array& array) {
  std::vector<Sample> samples;
  for (const auto& view : array) samples.push_back(view.clone());
  return samples;
}

}  // namespace

TEST_CASE("an array built from an iterator holds what was put in", "[storage][mapped][array]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const TemporaryFolder folder;
  const auto samples = random_samples(random, GENERATE(0U, 1U, 2000U));
  Array::build(folder.file("a"), samples);

  const auto level = GENERATE(Validation::kNone, Validation::kHeader, Validation::kFull);
  const auto array = Array::open(folder.file("a"), {.validation = level});
  REQUIRE(array.size() == samples.size());
  CHECK(cloned(array) == samples);
  for (int i = 0; i < 100 && !samples.empty(); ++i) {
    const auto at = random() % samples.size();
    REQUIRE(array[at].clone() == samples[at]);
  }
  CHECK_THROWS_WITH(array[samples.size()], contains("which has"));
}

TEST_CASE("an array is built from a generator of unknown length", "[storage][mapped][array]") {
  const auto numbers = std::views::iota(0) |
                       std::views::take_while([](int n) { return n < 1000; }) |
                       std::views::transform([](int n) { return n * 0.5; });
  const auto bytes = MappedArray<double>::build_bytes(numbers);
  const auto array = MappedArray<double>::from_bytes(bytes);
  REQUIRE(array.size() == 1000);
  CHECK(array[999] == 499.5);
}

TEST_CASE("a file, a buffer and a part of an open file hold the same array",
          "[storage][mapped][array]") {
  std::mt19937_64 random(3);
  const auto samples = random_samples(random, 50);
  const TemporaryFolder folder;
  Array::build(folder.file("a"), samples);
  const auto bytes = Array::build_bytes(samples);
  CHECK(std::ranges::equal(bytes_of(read_file(folder.file("a"))), bytes));
  CHECK(cloned(Array::from_bytes(bytes)) == samples);

  // As a stored entry of an archive: at an odd offset, with other bytes around it.
  {
    std::ofstream archive(folder.file("b"), std::ios::binary);
    archive << "before!";
    archive.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
    archive << "after";
  }
  FileDescriptor file(::open(folder.file("b").c_str(), O_RDONLY | O_CLOEXEC));
  const auto array = Array::open(file.get(), 7, bytes.size(), "b");
  file.reset();
  CHECK(cloned(array) == samples);
}

TEST_CASE("an array outlives its file's name", "[storage][mapped][array]") {
  std::mt19937_64 random(4);
  const auto samples = random_samples(random, 20);
  const TemporaryFolder folder;
  Array::build(folder.file("a"), samples);
  auto array = std::make_unique<Array>(Array::open(folder.file("a")));
  std::filesystem::remove(folder.file("a"));
  const Array copy = *array;
  array.reset();
  CHECK(cloned(copy) == samples);
}

TEST_CASE("a column gives one field of every value", "[storage][mapped][array]") {
  std::mt19937_64 random(5);
  const auto samples = random_samples(random, 300);
  const auto bytes = Array::build_bytes(samples);
  const auto array = Array::from_bytes(bytes);
  const auto weights = array.column<&Sample::weight>();
  REQUIRE(weights.size() == samples.size());
  std::size_t at = 0;
  for (const float weight : weights) REQUIRE(weight == samples[at++].weight);
  CHECK(at == samples.size());
  CHECK(weights[17] == samples[17].weight);
}

namespace {

struct Plain {
  std::uint64_t id = 0;
  std::int32_t count = 0;
  float weight = 0;
  bool operator==(const Plain&) const = default;
};
H5FLUME_FIELDS(Plain, id, count, weight);

struct Padded {
  std::uint64_t id = 0;
  float weight = 0;
};
H5FLUME_FIELDS(Padded, id, weight);

}  // namespace

TEST_CASE("structs of numbers are written at once and looked at in place",
          "[storage][mapped][array]") {
  const TemporaryFolder folder;
  std::vector<Plain> values;
  for (std::int32_t i = 0; i < 100'000; ++i) {
    values.push_back({static_cast<std::uint64_t>(i) * 3, -i, static_cast<float>(i) / 2});
  }
  {
    MappedArrayBuilder<Plain> builder(folder.file("a"));
    builder.append(std::span(values).first(60'000));
    builder.append(values[60'000]);
    builder.append(std::span(values).subspan(60'001));
    std::move(builder).finish();
  }
  const auto array = MappedArray<Plain>::open(folder.file("a"));
  CHECK(std::ranges::equal(array.in_place(), values));
  CHECK(array[99'999].clone() == values.back());
  array.container().verify();

  const auto bytes = MappedArray<Plain>::build_bytes(values);
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), shifted.begin() + 1);
  const auto odd = MappedArray<Plain>::from_bytes(std::span(shifted).subspan(1));
  CHECK(odd[7].clone() == values[7]);
  CHECK_THROWS_WITH(odd.in_place(), contains("in place"));
  const auto padded_bytes = MappedArray<Padded>::build_bytes(std::vector<Padded>(3));
  const auto padded = MappedArray<Padded>::from_bytes(padded_bytes);
  CHECK_THROWS_WITH(padded.in_place(), contains("in place"));
}

TEST_CASE("a note is kept with a container", "[storage][mapped][array]") {
  const std::vector<std::byte> note(100, std::byte{7});
  const std::vector<Plain> values(3);
  const auto bytes = MappedArray<Plain>::build_bytes(values, {.note = note});
  const auto array = MappedArray<Plain>::from_bytes(bytes);
  CHECK(std::ranges::equal(array.container().note(), note));
  CHECK(std::ranges::equal(array.in_place(), values));
  const auto without = MappedArray<Plain>::build_bytes(values);
  CHECK(MappedArray<Plain>::from_bytes(without).container().note().empty());
}

TEST_CASE("an array that was not finished leaves the old file", "[storage][mapped][array]") {
  const TemporaryFolder folder;
  MappedArray<int>::build(folder.file("a"), std::vector{1, 2});
  {
    MappedArrayBuilder<int> builder(folder.file("a"));
    builder.append(3);
  }
  CHECK(MappedArray<int>::open(folder.file("a")).size() == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("the files that cannot be opened say why", "[storage][mapped][array]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(Array::open(folder.file("no")), contains(folder.file("no")));
  std::ofstream(folder.file("text")) << std::string(1000, 'x');
  CHECK_THROWS_WITH(Array::open(folder.file("text")), contains("it is no mapped container"));
  std::ofstream(folder.file("empty")).flush();
  CHECK_THROWS_WITH(Array::open(folder.file("empty")), contains("it ends in its header"));
  CHECK_THROWS_WITH(MappedArray<int>::build(folder.file("no/a"), std::vector{1}),
                    contains(folder.file("no/a")));
}

TEST_CASE("threads read one array at once", "[storage][mapped][array][threads]") {
  std::mt19937_64 random(6);
  const auto samples = random_samples(random, 200);
  const auto bytes = Array::build_bytes(samples);
  const auto array = Array::from_bytes(bytes);
  std::vector<std::thread> threads;
  std::vector<char> same(4);
  for (auto& result : same) {
    threads.emplace_back([&] { result = static_cast<char>(cloned(array) == samples); });
  }
  for (auto& thread : threads) thread.join();
  CHECK(same == std::vector<char>(4, 1));
}

// --- a crash in mid-build ------------------------------------------------------------------------

namespace {

// Builds an array of three numbers. Arguments: the path, the test point to stop at.
int build_array(const std::vector<std::string>& arguments) {
  park_at(arguments[1]);
  MappedArray<std::string>::build(arguments[0], std::vector<std::string>{"new", "and", "long"});
  return 0;
}
const ChildRole kArrayBuilder("array-builder", build_array);

}  // namespace

TEST_CASE("a crash in mid-build leaves the old file", "[storage][mapped][array][kill]") {
  const std::string point = GENERATE("mapped.section", "mapped.written");
  const TemporaryFolder folder;
  MappedArray<std::string>::build(folder.file("a"), std::vector<std::string>{"old"});
  auto child = start_child("array-builder", {folder.file("a"), point});
  REQUIRE(wait_until_parked(child.pid()));
  child.kill();
  CHECK(child.wait()->signal == SIGKILL);
  const auto array = MappedArray<std::string>::open(folder.file("a"));
  REQUIRE(array.size() == 1);
  CHECK(array[0] == "old");
}
