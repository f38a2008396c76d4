#include <algorithm>
#include <utility>

#include "readers/random/box_grid_internal.h"

namespace h5flume {
namespace {

// Enough for a thread to be worth its while, little enough for others to get their share.
constexpr std::uint64_t kRowsBoxBytes = 4 << 20;

}  // namespace

BoxGrid::BoxGrid(std::shared_ptr<const chunks::DirectSource> source)
    : source_(std::move(source)), box_bytes_(source_->info.type.size) {
  const hdf5::DatasetInfo& info = source_->info;
  if (info.layout == hdf5::Layout::kChunked) {
    box_ = info.chunk;
    grid_ = source_->map.grid;
  } else {
    const std::uint64_t row_bytes = std::max<std::uint64_t>(1, info.row_bytes());
    box_ = info.shape;
    box_[0] = std::max<std::uint64_t>(1, kRowsBoxBytes / row_bytes);
    grid_.assign(info.shape.size(), 1);
    grid_[0] = (info.row_count() + box_[0] - 1) / box_[0];
  }
  for (const std::uint64_t extent : box_) box_bytes_ *= extent;
}

hdf5::StoredChunk BoxGrid::stored(std::uint64_t number) const noexcept {
  const hdf5::StorageMap& map = source_->map;
  if (source_->info.layout == hdf5::Layout::kChunked) return map.chunks[number];
  if (map.address == hdf5::kMissing) return {};
  return {.address = map.address + number * box_bytes_, .size_bytes = box_bytes_};
}

}  // namespace h5flume
