#include "storage/mapped/masked.h"

#include <cstdint>
#include <vector>

#include "storage/mapped/mapped_array.h"
#include "tests/support/catch.h"

using namespace h5flume;
using h5flume::mapped::masked;
using h5flume::test::contains;

TEST_CASE("masked iteration gives the values at which the mask is true",
          "[storage][mapped][array]") {
  const std::vector<std::uint32_t> numbers{10, 11, 12, 13, 14};
  const auto bytes = MappedArray<std::uint32_t>::build_bytes(numbers);
  const auto array = MappedArray<std::uint32_t>::from_bytes(bytes);
  const std::vector<bool> mask{true, false, false, true, true};
  std::vector<std::uint32_t> chosen;
  for (const auto number : masked(array, mask)) chosen.push_back(number);
  CHECK(chosen == std::vector<std::uint32_t>{10, 13, 14});

  const std::vector<bool> none(5);
  CHECK(masked(array, none).begin() == masked(array, none).end());
  const std::vector<bool> shorter(4);
  CHECK_THROWS_WITH(masked(array, shorter), contains("5 values by a mask of 4"));

  const auto lists = MappedArray<std::vector<std::uint32_t>>::build_bytes(
      std::vector<std::vector<std::uint32_t>>{numbers});
  const auto list = MappedArray<std::vector<std::uint32_t>>::from_bytes(lists)[0];
  std::vector<std::uint32_t> of_list;
  for (const auto number : masked(list, mask)) of_list.push_back(number);
  CHECK(of_list == chosen);
}
