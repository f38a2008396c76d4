#pragma once

#include <memory>
#include <string>
#include <vector>

#include "readers/hdf5/dataset.h"
#include "readers/stream/block_queue.h"
#include "readers/stream/row_stream.h"
#include "readers/stream/stream_options.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// Streams the datasets of one HDF5 file through parallel workers.
///
///   h5flume::Streamer streamer("run7.h5");
///   auto queue = streamer.queue("/images", {.ordered = true});
///   for (const auto& block : queue) use(block.view<std::uint8_t>());
///
/// Lifetime: queues do not refer to their Streamer and may outlive it. Threads: all members may be
/// called at once; queues are independent of each other.
class Streamer {
 public:
  /// Throws kNotFound or kIo if `file` is not a readable file. Its contents are looked at later.
  explicit Streamer(std::string file, FileOptions options = {});

  /// Starts streaming the dataset at path `dataset`. Returns once the dataset is known and the
  /// workers have started.
  ///
  /// Throws kInvalidArgument naming the option; what hdf5::Dataset's constructor throws;
  /// kOutOfMemory if the ring does not fit; kWorkerFailed if no worker can be started or the file
  /// takes every one down; kTimeout.
  BlockQueue queue(const std::string& dataset, const StreamOptions& options = {}) const;

  /// Starts streaming the dataset row by row: in dataset order, as copies, the remainder included,
  /// without end if `options.cyclic`. `ordered` and `remainder` of the options are taken as true.
  RowStream rows(const std::string& dataset, StreamOptions options = {}) const;

  const std::string& file() const noexcept { return file_; }

 private:
  std::string file_;
  FileOptions options_;
};

/// The rows of a block where StreamOptions::block_rows is not given: for a chunked dataset a
/// multiple of the chunk's rows of about 128 KiB, at least one chunk, but no more than 64 MiB; else
/// about 128 KiB; always at least one row, and no more than the dataset has.
///
/// Of variable-length data the rows of about 2048 elements, or fewer where elements may be large:
/// as many as have 4 MiB if each takes as much as the file's size allows on average. Whole chunks,
/// where one is not more than that.
std::uint64_t default_block_rows(const hdf5::DatasetInfo& dataset);

}  // namespace h5flume
