#include "core/shared_memory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/array_view.h"
#include "core/error.h"
#include "core/slot_word.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("shared memory is zeroed, and the same through every mapping", "[core][memory]") {
  const auto made = SharedMemory::create("test", 10'000);
  CHECK(std::all_of(made.bytes().begin(), made.bytes().end(),
                    [](std::byte byte) { return byte == std::byte{0}; }));
  const auto attached = SharedMemory::attach(FileDescriptor(::dup(made.descriptor())), 10'000);
  made.bytes()[9'999] = std::byte{7};
  CHECK(attached.bytes()[9'999] == std::byte{7});
}

TEST_CASE("shared memory keeps its size, whoever has its descriptor", "[core][memory]") {
  const auto made = SharedMemory::create("test", 4096);
  CHECK(::ftruncate(made.descriptor(), 10) != 0);
  CHECK(::ftruncate(made.descriptor(), 8192) != 0);
}

TEST_CASE("more memory than there is, is refused with both numbers", "[core][memory]") {
  const std::size_t available = available_memory_bytes();
  CHECK(available > 0);
  try {
    SharedMemory::create("a ring", available * 2);
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kOutOfMemory);
    CHECK_THAT(error.what(), contains(std::to_string(available * 2) + " bytes"));
    CHECK_THAT(error.what(), contains("are available"));
  }
}

TEST_CASE("memory that is not allocated at once may be larger than there is", "[core][memory]") {
  const std::size_t size_bytes = std::size_t{1} << 38;
  const auto made = SharedMemory::create("test", size_bytes, 4096);
  REQUIRE(made.bytes().size() == size_bytes);
  made.bytes().back() = std::byte{7};
  struct stat status {};
  REQUIRE(::fstat(made.descriptor(), &status) == 0);
  CHECK(status.st_blocks * 512 <= 3 * 4096);
  CHECK_THROWS_AS(SharedMemory::create("test", SIZE_MAX / 4, 4096), Error);
}

TEST_CASE("a slot word keeps ticket, worker and state", "[core][ring]") {
  const auto word = GENERATE(SlotWord{0, {0, 0}, SlotState::kFree},
                             SlotWord{SlotWord::kTicketLimit - 1, {255, 255}, SlotState::kRetired},
                             SlotWord{123'456'789, {7, 200}, SlotState::kClaimed});
  CHECK(SlotWord::decode(word.encode()) == word);
}

TEST_CASE("every error code has a name that leads back to it", "[core][error]") {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kIo); ++code) {
    CHECK(error_code_from(to_string(static_cast<ErrorCode>(code))) == static_cast<ErrorCode>(code));
  }
}

TEST_CASE("an array view finds elements of any rank", "[core][view]") {
  const std::vector<std::int16_t> values{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const auto lease = std::make_shared<Lease>();
  const ArrayView<std::int16_t> view(lease, values.data(), {2, 3, 2});
  CHECK(view.strides() == std::vector<std::ptrdiff_t>{12, 4, 2});
  CHECK(view(1, 2, 1) == 11);
  CHECK(view(0, 1, 0) == 2);
  CHECK(view.row(1).size() == 6);
  lease->end();
  CHECK_THROWS_AS(view.span(), Error);
#ifndef NDEBUG
  CHECK_THROWS_AS(view(0, 0, 0), Error);
#endif
}
