#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "readers/hdf5/dataset.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// The datasets of a file, and what each is, learned in a worker process so that a hostile file
/// cannot hurt the caller. A worker that dies or hangs on one of them is replaced.
///
/// Threads: for the thread that made it.
class Inspector {
 public:
  /// `timeout` is for each question; looking at a file may take several.
  explicit Inspector(std::string file, FileOptions options = {},
                     std::chrono::milliseconds timeout = std::chrono::milliseconds{4'000});
  Inspector(Inspector&&) noexcept;
  ~Inspector();

  /// Throws what hdf5::list_datasets throws, kWorkerFailed if the file takes the worker down,
  /// kTimeout.
  std::vector<hdf5::ListedDataset> list();

  /// Throws what hdf5::Dataset's constructor throws, kWorkerFailed, kTimeout.
  hdf5::DatasetInfo describe(const std::string& dataset);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace h5flume
