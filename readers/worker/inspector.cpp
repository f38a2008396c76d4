#include "readers/worker/inspector.h"

#include <optional>
#include <utility>

#include "core/error.h"
#include "readers/chunks/index_folder.h"
#include "readers/worker/worker_client.h"

namespace h5flume {

struct Inspector::Impl {
  std::string file;
  FileOptions options;
  std::chrono::milliseconds timeout;
  std::optional<WorkerClient> worker;

  // Runs `ask` on a worker, which is not trusted with another question once it failed to answer.
  template <class Ask>
  auto with_worker(Ask ask) {
    if (!worker) worker.emplace(options, "inspect " + file);
    try {
      return ask(*worker, std::chrono::steady_clock::now() + timeout);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kTimeout || error.code() == ErrorCode::kWorkerFailed) {
        worker.reset();
      }
      throw;
    }
  }
};

Inspector::Inspector(std::string file, FileOptions options, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>(Impl{std::move(file), std::move(options), timeout, {}})) {}

Inspector::Inspector(Inspector&&) noexcept = default;
Inspector::~Inspector() = default;

std::vector<hdf5::ListedDataset> Inspector::list() {
  return impl_->with_worker(
      [this](WorkerClient& worker, auto deadline) { return worker.list(impl_->file, deadline); });
}

hdf5::DatasetInfo Inspector::describe(const std::string& dataset) {
  return impl_->with_worker([&](WorkerClient& worker, auto deadline) {
    const hdf5::OpenOptions options{
        .fields = {},
        .allow_outside_sources = impl_->options.allow_outside_sources,
        .index_folder = chunks::index_folder_path(impl_->options.index_folder)};
    worker.request_open(impl_->file, dataset, options);
    return worker.opened(deadline).info;
  });
}

}  // namespace h5flume
