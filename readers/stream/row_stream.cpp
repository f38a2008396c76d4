#include "readers/stream/row_stream.h"

#include <cstddef>
#include <utility>

#include "core/list_writer.h"

namespace h5flume {
namespace {

std::vector<std::byte> copy_row(const Block& block, std::uint64_t row) {
  const hdf5::DatasetInfo& dataset = block.dataset();
  const std::size_t row_bytes = dataset.row_bytes();
  const auto bytes = block.bytes().subspan(row * row_bytes, row_bytes);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> copy_row_of_lists(const ListsView<std::byte>& block, std::uint64_t row,
                                         const hdf5::DatasetInfo& dataset) {
  const std::uint64_t elements = dataset.row_elements();
  std::uint64_t size_bytes = offset_bytes(elements);
  for (std::uint64_t i = 0; i < elements; ++i) size_bytes += block[row * elements + i].size();
  std::vector<std::byte> copy(size_bytes);
  ListWriter writer(copy, elements, dataset.type.value_size());
  for (std::uint64_t i = 0; i < elements; ++i) writer.append(block[row * elements + i]);
  return copy;
}

}  // namespace

std::optional<Row> RowStream::next() {
  while (!block_ || next_in_block_ == block_->row_count()) {
    block_.reset();  // first, so that a ring of one slot can go on
    next_in_block_ = 0;
    block_ = queue_.take();
    if (!block_) return std::nullopt;
    lists_.reset();
    if (block_->dataset().type.is_variable_length()) lists_ = block_->lists<std::byte>();
  }
  const auto& dataset = block_->dataset();
  const std::uint64_t index = block_->row_number(next_in_block_);
  auto bytes = lists_ ? copy_row_of_lists(*lists_, next_in_block_, dataset)
                      : copy_row(*block_, next_in_block_);
  ++next_in_block_;
  return Row(block_->shared_dataset(), index, std::move(bytes));
}

}  // namespace h5flume
