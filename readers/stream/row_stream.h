#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "readers/stream/block_queue.h"

namespace h5flume {

/// One row of a dataset, as a copy that may be kept.
class Row {
 public:
  Row(std::shared_ptr<const hdf5::DatasetInfo> dataset, std::uint64_t index,
      std::vector<std::byte> bytes)
      : dataset_(std::move(dataset)), index_(index), bytes_(std::move(bytes)) {}

  std::uint64_t index() const noexcept { return index_; }  ///< in the dataset
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  const hdf5::DatasetInfo& dataset() const noexcept { return *dataset_; }

  /// The row's elements, C order. Throws kInvalidArgument if T does not fit the element type.
  template <class T>
  std::span<const T> as() const {
    if constexpr (std::is_arithmetic_v<T>) {
      const ElementType wanted = element_type_of<T>();
      internal::check_viewable(dataset_->type, &wanted, sizeof(T));
    } else {
      internal::check_viewable(dataset_->type, nullptr, sizeof(T));
    }
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

  /// As Block::strings() and Block::lists(), for as long as this row lives and is not moved.
  StringsView strings() const {
    return internal::strings_in(dataset_->type, dataset_->elements_of(1), bytes_, nullptr);
  }
  template <class T>
  ListsView<T> lists() const {
    return internal::lists_in<T>(dataset_->type, dataset_->elements_of(1), bytes_, nullptr);
  }

 private:
  std::shared_ptr<const hdf5::DatasetInfo> dataset_;
  std::uint64_t index_;
  std::vector<std::byte> bytes_;
};

/// The rows of a dataset one by one. Made by Streamer::rows().
///
///   for (const Row& row : streamer.rows("/events")) { ... row.as<float>() ... }
///
/// Threads: for one thread, as iterators are.
class RowStream {
 public:
  explicit RowStream(BlockQueue queue) : queue_(std::move(queue)) {}

  /// The next row, or nothing after the last. Throws as BlockQueue::take() does.
  std::optional<Row> next();

  void close() noexcept { queue_.close(); }
  const BlockQueue& queue() const noexcept { return queue_; }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    using pointer = const Row*;
    using reference = const Row&;

    explicit Iterator(RowStream* rows) : rows_(rows), row_(rows->next()) {}
    const Row& operator*() const noexcept { return *row_; }
    const Row* operator->() const noexcept { return &*row_; }
    Iterator& operator++() {
      row_ = rows_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !row_.has_value(); }

   private:
    RowStream* rows_;
    std::optional<Row> row_;
  };

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  BlockQueue queue_;
  std::optional<Block> block_;
  std::optional<ListsView<std::byte>> lists_;  // of block_, if it is of variable length
  std::uint64_t next_in_block_ = 0;
};

}  // namespace h5flume
