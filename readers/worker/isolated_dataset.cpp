#include "readers/worker/isolated_dataset.h"

#include <fmt/format.h>

#include <utility>

#include "core/element_pick.h"
#include "core/error.h"
#include "readers/chunks/index_folder.h"
#include "readers/chunks/index_memory.h"
#include "readers/worker/worker_client.h"

namespace h5flume {

namespace {

hdf5::DatasetInfo with_fields(hdf5::DatasetInfo info, const std::vector<std::string>& fields) {
  if (!fields.empty()) info.type = pick_columns(info.type, fields).type;
  return info;
}

}  // namespace

IsolatedDataset index_isolated(const std::string& file, const std::string& dataset,
                               const hdf5::OpenOptions& options, const FileOptions& file_options,
                               std::chrono::milliseconds timeout) {
  if (options.direct && options.fields.empty()) {
    const chunks::IndexFolder kept(options.index_folder);
    if (auto index = kept.find(file, dataset, options.allow_outside_sources)) {
      return {index->info, index->identity, std::move(index)};
    }
  }
  WorkerClient worker(file_options, fmt::format("open {} {}", file, dataset));
  worker.request_open(file, dataset, options, WorkerClient::Index::kHandOver);
  WorkerClient::Deadline deadline;
  if (timeout.count() > 0) deadline = std::chrono::steady_clock::now() + timeout;
  OpenedDataset opened = worker.opened(deadline);

  IsolatedDataset isolated{std::move(opened.info), opened.identity, std::nullopt};
  const std::string object = fmt::format("open '{}' of {}", dataset, file);
  if (FileDescriptor memory = worker.take_descriptor()) {
    try {
      isolated.index = chunks::index_from_memory(std::move(memory));
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("{}: {}", object, error.what()));
    }
    if (with_fields(isolated.index->info, options.fields) != isolated.info ||
        isolated.index->identity != isolated.identity) {
      throw Error(ErrorCode::kWorkerFailed,
                  object + ": the worker's answer makes no sense: its index is of another dataset");
    }
  }
  return isolated;
}

std::unique_ptr<RowReader> open_isolated(const std::string& file, const std::string& dataset,
                                         const FileOptions& options,
                                         std::chrono::milliseconds timeout) {
  const hdf5::OpenOptions opening{.fields = {},
                                  .allow_outside_sources = options.allow_outside_sources,
                                  .index_folder = chunks::index_folder_path(options.index_folder)};
  auto isolated = index_isolated(file, dataset, opening, options, timeout);
  if (!isolated.index) {
    throw Error(ErrorCode::kUnsupported, fmt::format("open '{}' of {} without libhdf5: {}", dataset,
                                                     file, isolated.info.hdf5_reason));
  }
  return open_by_index(*std::move(isolated.index));
}

}  // namespace h5flume
