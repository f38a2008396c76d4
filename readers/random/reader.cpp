#include "readers/random/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "core/readable_file.h"
#include "core/usable_cores.h"
#include "readers/chunks/index_folder.h"
#include "readers/random/open_dataset_internal.h"
#include "readers/random/stage_state_internal.h"
#include "readers/worker/isolated_dataset.h"

namespace h5flume {
namespace {

constexpr unsigned kMostThreads = 255;
constexpr unsigned kMostDefaultThreads = 8;

unsigned thread_count(const ReaderOptions& options) {
  const unsigned spare_cores = std::max(usable_cores(), 2u) - 1;
  const unsigned threads = options.threads.value_or(std::min(spare_cores, kMostDefaultThreads));
  if (threads >= 1 && threads <= kMostThreads) return threads;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("make a reader: threads is {}, but must be 1 to {}", threads, kMostThreads));
}

unsigned worker_count(const ReaderOptions& options) {
  const unsigned workers = options.workers.value_or(std::min(usable_cores(), kMostDefaultThreads));
  if (workers >= 1 && workers <= kMostThreads) return workers;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("make a reader: workers is {}, but must be 1 to {}", workers, kMostThreads));
}

void check(const ReaderOptions& options) {
  worker_count(options);
  if (options.max_deaths_per_request >= 1) return;
  throw Error(ErrorCode::kInvalidArgument,
              "make a reader: max_deaths_per_request is 0, but must be 1 or more");
}

void check_stage(const Request& wanted, const StageMemory& stage) {
  const RequestSpec& spec = *wanted.spec();
  if (spec.least_bytes() > stage.bytes().size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes do not fit into a stage of {}", spec.name(),
                            spec.least_bytes(), stage.bytes().size()));
  }
  if (stage.kind() != spec.dataset->stage_kind()) {
    throw Error(ErrorCode::kInvalidArgument,
                spec.name() + ": the stage was made for a dataset that is read in another way");
  }
}

}  // namespace

struct Reader::Impl {
  using Name = std::pair<std::string, std::vector<std::string>>;  // path and fields

  std::string file;
  ReaderOptions options;
  FileOptions file_options;
  std::shared_ptr<RequestEngine> engine;
  std::shared_ptr<chunks::ChunkCache> cache;
  std::mutex mutex;
  std::map<Name, std::shared_ptr<OpenDataset>> datasets;

  std::shared_ptr<OpenDataset> open(const Name& name) const {
    const auto& [path, fields] = name;
    hdf5::OpenOptions opening{.fields = fields,
                              .allow_outside_sources = file_options.allow_outside_sources,
                              .direct = options.direct && fields.empty(),
                              .index_folder = chunks::index_folder_path(file_options.index_folder)};
    auto found = look_at(path, opening);
    if (found.index) {
      return std::make_shared<OpenDataset>(
          engine, chunks::open_direct_source(*std::move(found.index), false), cache);
    }
    return std::make_shared<OpenDataset>(engine, library_source(found, std::move(opening)));
  }

  IsolatedDataset look_at(const std::string& path, const hdf5::OpenOptions& opening) const {
    if (!file_options.trusted) {
      return index_isolated(file, path, opening, file_options, options.open_timeout);
    }
    const auto rows = open_row_reader(file, path, opening);
    return {rows->info(), rows->identity(), rows->index()};
  }

  LibrarySource library_source(const IsolatedDataset& found, hdf5::OpenOptions opening) const {
    return {.info = found.info,
            .identity = found.identity,
            .opening = std::move(opening),
            .file_options = file_options,
            .workers = file_options.trusted ? 1 : worker_count(options),
            .open_timeout = options.open_timeout,
            .request_timeout = options.request_timeout,
            .max_deaths_per_request = options.max_deaths_per_request};
  }

  std::shared_ptr<Operation> make_operation(const Request& wanted, Callback on_ready) const {
    engine->require_open(*wanted.spec());
    return std::make_shared<Operation>(wanted.spec(), Operation::Purpose::kDeliver,
                                       std::move(on_ready));
  }

  Future request_from(const Request& wanted, const std::shared_ptr<StagePoolState>& pool,
                      const Operation::Deadline& deadline, Callback on_ready) const {
    check_stage(wanted, pool->front()->memory());
    const auto operation = make_operation(wanted, std::move(on_ready));
    const auto stage = engine->take_stage(pool, *wanted.spec(), deadline);
    if (!stage) {
      throw Error(ErrorCode::kTimeout, fmt::format("{}: none of {} stages was free in time",
                                                   wanted.spec()->name(), pool->size()));
    }
    Future future(operation);
    stage->start(operation, std::make_unique<StageHold>(stage));
    return future;
  }
};

Reader::Reader(std::string file, const ReaderOptions& options, const FileOptions& file_options)
    : impl_(std::make_shared<Impl>()) {
  check(options);
  require_readable_file(file);
  impl_->file = std::move(file);
  impl_->options = options;
  impl_->file_options = file_options;
  impl_->engine = std::make_shared<RequestEngine>(thread_count(options));
  impl_->cache = std::make_shared<chunks::ChunkCache>(options.chunk_cache_bytes);
}

Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) close();
  impl_ = std::move(other.impl_);
  return *this;
}
Reader::~Reader() {
  if (impl_) close();
}

const std::string& Reader::file() const noexcept { return impl_->file; }

Dataset Reader::dataset(const std::string& path, const std::vector<std::string>& fields) const {
  impl_->engine->require_open(fmt::format("open '{}' of {}", path, impl_->file));
  const Impl::Name name(path, fields);
  {
    const std::lock_guard lock(impl_->mutex);
    const auto known = impl_->datasets.find(name);
    if (known != impl_->datasets.end()) return Dataset(known->second);
  }
  auto opened = impl_->open(name);  // which may take long, and others may be opened meanwhile
  const std::lock_guard lock(impl_->mutex);
  return Dataset(impl_->datasets.try_emplace(name, std::move(opened)).first->second);
}

Future Reader::request(const Request& wanted, const Stage& stage, Callback on_ready) const {
  check_stage(wanted, stage.state()->memory());
  const auto operation = impl_->make_operation(wanted, std::move(on_ready));
  Future future(operation);
  stage.state()->start_in_turn(operation);
  return future;
}

Future Reader::request(const Request& wanted, const StagePool& pool, Callback on_ready) const {
  return impl_->request_from(wanted, pool.state(), {}, std::move(on_ready));
}

Future Reader::request(const Request& wanted, const StagePool& pool, std::chrono::nanoseconds limit,
                       Callback on_ready) const {
  return impl_->request_from(wanted, pool.state(), Operation::Clock::now() + limit,
                             std::move(on_ready));
}

std::vector<Future> Reader::request(std::span<const Request> wanted, const StagePool& pool) const {
  if (wanted.size() > pool.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("request {} selections of {} at once: the pool has {} stages",
                            wanted.size(), impl_->file, pool.size()));
  }
  for (const Request& one : wanted) check_stage(one, pool.state()->front()->memory());
  std::vector<Future> futures;
  futures.reserve(wanted.size());
  for (const Request& one : wanted) futures.push_back(request(one, pool));
  return futures;
}

void Reader::readahead(std::span<const Request> wanted) const {
  std::size_t room = impl_->cache->capacity_bytes();
  for (const Request& one : wanted) {
    if (!one.spec()->boxes) continue;  // libhdf5 keeps its own cache
    const std::size_t needed = one.spec()->dataset->decoded_bytes_at_most(*one.spec());
    if (needed > room) return;
    room -= needed;
    const auto operation =
        std::make_shared<Operation>(one.spec(), Operation::Purpose::kWarmCache, nullptr);
    impl_->engine->require_open(*one.spec());
    operation->start({}, nullptr);
    impl_->engine->put(operation);
  }
}

void Reader::close(bool wait) {
  impl_->engine->close(wait);
  std::vector<std::shared_ptr<OpenDataset>> opened;
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [name, dataset] : impl_->datasets) opened.push_back(dataset);
  }
  for (const auto& dataset : opened) dataset->close(false);  // all at once
  for (const auto& dataset : opened) dataset->close(wait);
}

}  // namespace h5flume
