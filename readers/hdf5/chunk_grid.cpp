#include <fmt/format.h>
#include <fmt/ranges.h>

#include "readers/hdf5/chunk_grid_internal.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume::hdf5 {
namespace {

constexpr std::uint64_t kAlwaysAllowed = 1 << 20;
constexpr std::uint64_t kMostChunks = 1 << 26;
constexpr std::uint64_t kLeastBytesPerChunk = 8;

}  // namespace

std::string name_of_chunk(std::uint64_t number, const std::vector<std::uint64_t>& grid) {
  std::vector<std::uint64_t> place(grid.size());
  for (std::size_t axis = grid.size(); axis-- > 0; number /= grid[axis]) {
    place[axis] = number % grid[axis];
  }
  return fmt::format("chunk ({})", fmt::join(place, ","));
}

std::optional<std::vector<std::uint64_t>> chunk_grid(const DatasetInfo& info,
                                                     std::uint64_t file_bytes) {
  std::vector<std::uint64_t> grid;
  bool is_empty = false;
  for (std::size_t axis = 0; axis < info.shape.size(); ++axis) {
    const std::uint64_t extent = info.shape[axis];
    grid.push_back(extent == 0 ? 0 : (extent - 1) / info.chunk[axis] + 1);
    is_empty |= extent == 0;
  }
  if (is_empty) return grid;
  std::uint64_t count = 1;
  for (const std::uint64_t along : grid) {
    if (__builtin_mul_overflow(count, along, &count) || count > kMostChunks) return std::nullopt;
  }
  if (count > kAlwaysAllowed && count > file_bytes / kLeastBytesPerChunk) return std::nullopt;
  return grid;
}

}  // namespace h5flume::hdf5
