#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "readers/hdf5/dataset_info.h"
#include "readers/random/request.h"
#include "readers/random/stage.h"
#include "readers/stream/block_queue.h"
#include "readers/stream/stream_options.h"

namespace h5flume {

class OpenDataset;

/// A dataset to be read at random. Made by Reader::dataset().
///
/// Lifetime: may outlive its Reader, but can be read only while that is open.
/// Threads: a handle, cheap to copy; all members may be called at once.
class Dataset {
 public:
  explicit Dataset(std::shared_ptr<OpenDataset> dataset) noexcept : dataset_(std::move(dataset)) {}

  const hdf5::DatasetInfo& info() const noexcept;
  const std::vector<std::uint64_t>& shape() const noexcept { return info().shape; }
  const ElementType& type() const noexcept { return info().type; }

  /// What a selection takes of this dataset: images[rows(30, 35)], table[field("col")][at(5)].
  /// Throws kInvalidArgument for a selection that does not fit, see resolve(), and for a field that
  /// is not there.
  Request operator[](Selection selection) const;

  /// The selection, read now: dataset[selection].read().
  Array read(Selection selection) const { return (*this)[std::move(selection)].read(); }

  /// The rows of a table for which a condition holds, as a selection like any other:
  /// table[table.where("(pos > 3) & (flag == 1)")]. See docs/conditions.md for the language.
  ///
  /// Reads the whole table now, block by block, on all cores. Throws as queue() does.
  Selection where(const std::string& condition) const;

  /// Streams the dataset, as Streamer::queue() does. What is read directly is read by threads of
  /// this process (`options.kind` has no meaning), which share the Reader's cache: a chunk that a
  /// request has decoded is not decoded again.
  BlockQueue queue(const StreamOptions& options = {}) const;

  /// Memory for requests whose result has no more bytes than an array of `shape`. Axes that are
  /// left out, or are nothing, are as long as the dataset's: stage({10}) has room for ten rows.
  /// Throws kInvalidArgument for more axes than the dataset has, or none of a size that memory can
  /// have; kOutOfMemory.
  Stage stage(const std::vector<std::optional<std::uint64_t>>& shape) const;

  /// Memory for this request, and any that has no more bytes.
  Stage stage(const Request& largest) const;

  /// Memory for requests of no more than `bytes`. It is what elements of variable length need:
  /// nobody knows how much that is, so that the other two throw kInvalidArgument for them.
  Stage stage_of_bytes(std::size_t bytes) const;

  /// `count` stages that take turns. Throws as stage() does, and kInvalidArgument for none.
  StagePool stage_pool(const std::vector<std::optional<std::uint64_t>>& shape,
                       std::size_t count) const;
  StagePool stage_pool_of_bytes(std::size_t bytes, std::size_t count) const;

  const std::shared_ptr<OpenDataset>& open_dataset() const noexcept { return dataset_; }

 private:
  std::shared_ptr<OpenDataset> dataset_;
};

}  // namespace h5flume
