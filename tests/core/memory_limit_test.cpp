#include "core/memory_limit.h"

#include <cstddef>
#include <new>

#include "tests/support/catch.h"

using h5flume::MemoryLimit;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // theirs end the program

namespace {

bool can_allocate(std::size_t bytes) {
  void* const memory = ::operator new(bytes, std::nothrow);  // a call, which no compiler leaves out
  ::operator delete(memory);
  return memory != nullptr;
}

}  // namespace

TEST_CASE("beyond a memory limit allocations fail, until it is gone", "[core][memory]") {
  constexpr std::size_t kLimit = std::size_t{64} << 20;
  REQUIRE(can_allocate(2 * kLimit));
  {
    const MemoryLimit limit(kLimit);
    CHECK(can_allocate(kLimit / 2));
    CHECK_FALSE(can_allocate(2 * kLimit));
    {
      const MemoryLimit wider(8 * kLimit);  // changes nothing
      CHECK_FALSE(can_allocate(2 * kLimit));
    }
    CHECK_FALSE(can_allocate(2 * kLimit));
  }
  CHECK(can_allocate(2 * kLimit));
}

#endif
