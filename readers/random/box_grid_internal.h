#pragma once

#include <cstdint>
#include <vector>

#include "readers/chunks/direct_source.h"

namespace h5flume {

/// How a dataset is cut into boxes, each of which is read by one thread: its chunks, or some
/// megabytes of the rows of a contiguous dataset.
///
/// Threads: immutable.
class BoxGrid {
 public:
  explicit BoxGrid(std::shared_ptr<const chunks::DirectSource> source);

  /// How large boxes are along each axis, and how many there are.
  const std::vector<std::uint64_t>& box() const noexcept { return box_; }
  const std::vector<std::uint64_t>& grid() const noexcept { return grid_; }

  /// Of a box, decoded.
  std::uint64_t box_bytes() const noexcept { return box_bytes_; }

  /// Where box `number` lies in the file. Of a box that is not a chunk: as it is decoded, and the
  /// last one counts its missing rows.
  hdf5::StoredChunk stored(std::uint64_t number) const noexcept;

  const chunks::DirectSource& source() const noexcept { return *source_; }
  const std::shared_ptr<const chunks::DirectSource>& shared_source() const noexcept {
    return source_;
  }

 private:
  std::shared_ptr<const chunks::DirectSource> source_;
  std::vector<std::uint64_t> box_;
  std::vector<std::uint64_t> grid_;
  std::uint64_t box_bytes_;
};

}  // namespace h5flume
