#include "readers/chunks/box_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace h5flume::chunks {
namespace {

constexpr std::size_t kMaxRank = 32;  // H5S_MAX_RANK

// Strides of an array in elements, and the offset of a box in it.
struct Walk {
  std::array<std::uint64_t, kMaxRank> stride;
  std::uint64_t offset = 0;

  explicit Walk(const BoxPlace& place) {
    std::uint64_t step = 1;
    for (std::size_t axis = place.shape.size(); axis-- > 0;) {
      stride[axis] = step;
      offset += place.start[axis] * step;
      step *= place.shape[axis];
    }
  }
};

// The axes from the result on lie without gaps in an array of that shape.
std::size_t first_dense_axis(std::span<const std::uint64_t> extent,
                             std::span<const std::uint64_t> shape) {
  std::size_t axis = extent.size() - 1;
  while (axis > 0 && extent[axis] == shape[axis]) --axis;
  return axis;
}

// Calls `run(offset...)` for each run of elements from axis `dense` on.
template <class Run>
void for_each_run(std::span<const std::uint64_t> extent, std::size_t dense, Run run) {
  std::array<std::uint64_t, kMaxRank> at{};
  while (true) {
    run(at);
    std::size_t axis = dense;
    while (axis > 0 && ++at[axis - 1] == extent[axis - 1]) at[--axis] = 0;
    if (axis == 0) return;
  }
}

std::uint64_t run_length(std::span<const std::uint64_t> extent, std::size_t dense) {
  std::uint64_t length = 1;
  for (std::size_t axis = dense; axis < extent.size(); ++axis) length *= extent[axis];
  return length;
}

std::uint64_t offset_of(const Walk& walk, const std::array<std::uint64_t, kMaxRank>& at,
                        std::size_t dense) {
  std::uint64_t offset = walk.offset;
  for (std::size_t axis = 0; axis < dense; ++axis) offset += at[axis] * walk.stride[axis];
  return offset;
}

bool is_empty(std::span<const std::uint64_t> extent) {
  return std::find(extent.begin(), extent.end(), 0u) != extent.end();
}

}  // namespace

void copy_box(const std::byte* from, const BoxPlace& source, std::byte* to, const BoxPlace& target,
              std::span<const std::uint64_t> extent, std::size_t element_bytes) {
  if (is_empty(extent)) return;
  const Walk reading(source);
  const Walk writing(target);
  const std::size_t dense =
      std::max(first_dense_axis(extent, source.shape), first_dense_axis(extent, target.shape));
  const std::size_t run_bytes = run_length(extent, dense) * element_bytes;
  for_each_run(extent, dense, [&](const auto& at) {
    std::memcpy(to + offset_of(writing, at, dense) * element_bytes,
                from + offset_of(reading, at, dense) * element_bytes, run_bytes);
  });
}

void fill_box(std::span<const std::byte> element, std::byte* to, const BoxPlace& target,
              std::span<const std::uint64_t> extent) {
  if (is_empty(extent)) return;
  const Walk writing(target);
  const std::size_t dense = first_dense_axis(extent, target.shape);
  const std::uint64_t length = run_length(extent, dense);
  const bool same_bytes =
      std::all_of(element.begin(), element.end(), [&](std::byte b) { return b == element[0]; });
  for_each_run(extent, dense, [&](const auto& at) {
    std::byte* run = to + offset_of(writing, at, dense) * element.size();
    if (same_bytes) {
      std::memset(run, std::to_integer<int>(element[0]), length * element.size());
    } else {
      for (std::uint64_t i = 0; i < length; ++i) {
        std::memcpy(run + i * element.size(), element.data(), element.size());
      }
    }
  });
}

}  // namespace h5flume::chunks
