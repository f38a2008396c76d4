#include "readers/stream/row_stream.h"

#include <cstddef>

namespace h5flume {

std::optional<Row> RowStream::next() {
  while (!block_ || next_in_block_ == block_->row_count()) {
    block_.reset();  // first, so that a ring of one slot can go on
    next_in_block_ = 0;
    block_ = queue_.take();
    if (!block_) return std::nullopt;
  }
  const auto& dataset = block_->dataset();
  const std::size_t row_bytes = dataset.row_bytes();
  const auto bytes = block_->bytes().subspan(next_in_block_ * row_bytes, row_bytes);
  const std::uint64_t index = (block_->first_row() + next_in_block_) % dataset.row_count();
  ++next_in_block_;
  return Row(block_->shared_dataset(), index, {bytes.begin(), bytes.end()});
}

}  // namespace h5flume
