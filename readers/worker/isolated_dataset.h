#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "readers/chunks/index_file.h"
#include "readers/chunks/row_reader.h"
#include "readers/hdf5/dataset.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// What a worker process found out about a dataset.
struct IsolatedDataset {
  hdf5::DatasetInfo info;
  FileIdentity identity;

  /// What it takes to read the dataset without libhdf5, with all fields of its elements. Nothing
  /// where only libhdf5 can read it, for the reason that info.hdf5_reason names.
  std::optional<chunks::IndexedDataset> index;
};

/// Opens a dataset in a worker process, which ends with that: a file that crashes, hangs or bloats
/// libhdf5 does it there. The caller's process does not call libhdf5. No worker process is needed
/// for an index that is kept in `options.index_folder`.
///
/// Throws what hdf5::Dataset's constructor throws, kWorkerFailed if the file takes the worker down,
/// kTimeout after `timeout` (0: never), and kNotFound, kResourceLimit or kIo if no worker can be
/// started.
IsolatedDataset index_isolated(const std::string& file, const std::string& dataset,
                               const hdf5::OpenOptions& options, const FileOptions& file_options,
                               std::chrono::milliseconds timeout);

/// A reader of a dataset of a file that need not be trusted: opened in a worker process, then read
/// in this one, without libhdf5.
///
/// Throws as index_isolated() does, and kUnsupported, with the reason, for a dataset that only
/// libhdf5 can read.
std::unique_ptr<RowReader> open_isolated(
    const std::string& file, const std::string& dataset, const FileOptions& options = {},
    std::chrono::milliseconds timeout = std::chrono::milliseconds{8'000});

}  // namespace h5flume
