#include "readers/stream/block.h"

#include <fmt/format.h>

#include <utility>

#include "readers/stream/row_filter.h"

namespace h5flume {
Block::Block(ReadReservation slot, std::shared_ptr<const hdf5::DatasetInfo> dataset,
             std::uint64_t first_row, std::uint64_t row_count, std::uint64_t epoch)
    : slot_(std::move(slot)),
      lease_(std::make_shared<Lease>()),
      dataset_(std::move(dataset)),
      first_row_(first_row),
      row_count_(row_count),
      epoch_(epoch) {}

Block::Block(ReadReservation slot, std::shared_ptr<const hdf5::DatasetInfo> dataset,
             std::uint64_t first_row, std::uint64_t epoch)
    : Block(std::move(slot), std::move(dataset), first_row, 0, epoch) {
  is_filtered_ = true;
  numbers_ = RowFilter::unpack(slot_.bytes(), dataset_->row_bytes()).numbers;
  row_count_ = numbers_.size();
}

Block& Block::operator=(Block&& other) noexcept {
  if (this == &other) return *this;
  release();
  slot_ = std::move(other.slot_);
  lease_ = std::move(other.lease_);
  dataset_ = std::move(other.dataset_);
  first_row_ = other.first_row_;
  row_count_ = other.row_count_;
  epoch_ = other.epoch_;
  numbers_ = other.numbers_;
  is_filtered_ = other.is_filtered_;
  return *this;
}

std::span<const std::byte> Block::bytes() const {
  if (!lease_) {
    throw Error(ErrorCode::kExpiredView, "look at a block that was released or moved from");
  }
  return is_filtered_ ? slot_.bytes().first(row_count_ * dataset_->row_bytes()) : slot_.bytes();
}

std::uint64_t Block::row_number(std::uint64_t index) const {
  if (!lease_) {
    throw Error(ErrorCode::kExpiredView, "look at a block that was released or moved from");
  }
  if (index >= row_count_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("look at row {} of a block of {} rows", index, row_count_));
  }
  return is_filtered_ ? numbers_[index] : (first_row_ + index) % dataset_->row_count();
}

void Block::release() noexcept {
  if (!lease_) return;
  lease_->end();  // before the slot can be filled again
  lease_.reset();
  slot_.release();
}

}  // namespace h5flume
