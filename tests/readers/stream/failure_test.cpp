#include <filesystem>
#include <set>

#include "tests/readers/stream/stream_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

TEST_CASE("options that make no sense are refused by name", "[reader][stream]") {
  const StreamFixture data;
  auto options = data.options();
  SECTION("block_rows") {
    options.block_rows = GENERATE(0, -5);
    CHECK_THROWS_WITH(data.queue(options), contains("block_rows"));
  }
  SECTION("workers") {
    options.workers = GENERATE(0u, 256u);
    CHECK_THROWS_WITH(data.queue(options), contains("workers"));
  }
  SECTION("read_ahead") {
    options.read_ahead = 0;
    CHECK_THROWS_WITH(data.queue(options), contains("read_ahead"));
  }
  SECTION("a block larger than the address space") {
    options.block_rows = std::int64_t{1} << 62;
    CHECK_THROWS_WITH(data.queue(options), contains("address space"));
  }
  SECTION("a ring larger than the memory") {
    options.block_rows = std::int64_t{1} << 42;
    CHECK_THROWS_WITH(data.queue(options), contains("bytes are available"));
  }
}

TEST_CASE("a block that cannot be read is an error that names it, and the stream goes on",
          "[reader][stream]") {
  StreamFixture data;
  data.path = data.folder.file("corrupt.h5");
  write_corrupt_table(data.path, "/t", {.rows = 100, .columns = 4, .chunk_rows = 10}, 3);
  auto options = data.options();
  options.ordered = GENERATE(false, true);
  options.block_rows = 10;

  SECTION("raised") {
    auto queue = data.queue(options);
    std::set<std::uint64_t> rows;
    int errors = 0;
    for (bool more = true; more;) {
      try {
        const auto block = queue.take();
        more = block.has_value();
        if (block) rows.insert(block->first_row());
      } catch (const Error& error) {
        ++errors;
        more = !queue.finished();
        CHECK_THAT(error.what(), contains("'/t' rows 30-39 of " + data.path));
      }
    }
    CHECK(errors == 1);
    CHECK(rows.size() == 9);
  }
  SECTION("skipped and reported") {
    options.on_error = OnError::kSkip;
    auto queue = data.queue(options);
    CHECK(first_rows(queue).size() == 9);
    CHECK(queue.statistics().skipped_blocks == 1);
    REQUIRE(queue.skipped().size() == 1);
    CHECK_THAT(queue.skipped()[0].what(), contains("rows 30-39"));
  }
}

TEST_CASE("what cannot be streamed is refused with the reason", "[reader][stream]") {
  const StreamFixture data;
  const Streamer streamer(data.path);
  CHECK_THROWS_WITH(streamer.queue("/nothing", data.options()), contains("/nothing"));
  CHECK_THROWS_WITH(streamer.queue("/", data.options()), contains("group"));
  CHECK_THROWS_WITH(Streamer(data.folder.file("no.h5")), contains("No such file"));
  CHECK_THROWS_WITH(Streamer(data.folder.path().string()), contains("Is a directory"));
}

TEST_CASE("a file that changes while it is streamed is an error, never wrong rows",
          "[reader][stream]") {
  const StreamFixture data({.rows = 4000, .columns = 16});
  auto options = data.options();
  options.block_rows = 10;
  options.ordered = true;
  auto queue = data.queue(options);
  const auto first = queue.take().value();

  bool must_fail = true;
  SECTION("truncated") { std::filesystem::resize_file(data.path, 3000); }
  SECTION("written over") {
    std::filesystem::resize_file(data.path, std::filesystem::file_size(data.path) + 1);
  }
  SECTION("removed, which leaves it to those who have it open") {
    std::filesystem::remove(data.path);
    must_fail = false;
  }
  SECTION("replaced by another") {
    const std::string other = data.folder.file("other.h5");
    write_table(other, "/t", {.rows = 4000, .columns = 16});
    std::filesystem::rename(other, data.path);
    must_fail = false;
  }
  int failures = 0;
  bool all_right = true;
  for (bool more = true; more;) {
    try {
      const auto block = queue.take();
      more = block.has_value();
      if (block) all_right = all_right && holds_rows(*block);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kSourceChanged);
      ++failures;
      more = !queue.finished();
    }
  }
  CHECK(all_right);
  if (must_fail) CHECK(failures > 0);
}
