#include "readers/stream/streamer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/readable_file.h"
#include "core/usable_cores.h"
#include "readers/chunks/field_reader.h"
#include "readers/chunks/index_folder.h"
#include "readers/stream/block_queue_internal.h"
#include "readers/stream/row_filter.h"
#include "readers/stream/stream_by_internal.h"

namespace h5flume {
namespace {

constexpr std::uint64_t kUsualBlockBytes = 128 * 1024;
constexpr std::uint64_t kLargestDefaultBlockBytes = 64 * 1024 * 1024;
constexpr std::size_t kUsualCapacityBytes = std::size_t{64} << 20;  // of variable-length data
constexpr std::uint64_t kUsualBlockElements = 2048;
constexpr std::uint64_t kUsualValueBytes = std::uint64_t{4} << 20;
constexpr std::size_t kUsualRingBytes = std::size_t{4} << 20;
constexpr std::size_t kMostSmallBlocks = 16;
constexpr std::chrono::microseconds kSpin{20};  // what it takes to be woken
constexpr unsigned kMaxWorkers = 255;
constexpr unsigned kMaxDefaultWorkers = 8;
constexpr unsigned kMaxReadAhead = 1u << 20;

void require(bool holds, const char* option, long long value, const std::string& range) {
  if (holds) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("stream a dataset: {} is {}, but must be {}", option, value, range));
}

void check(const StreamOptions& options) {
  if (options.workers) {
    require(*options.workers >= 1 && *options.workers <= kMaxWorkers, "workers", *options.workers,
            fmt::format("1 to {}", kMaxWorkers));
  }
  if (options.read_ahead) {
    require(*options.read_ahead >= 1 && *options.read_ahead <= kMaxReadAhead, "read_ahead",
            *options.read_ahead, fmt::format("1 to {}", kMaxReadAhead));
  }
  if (options.block_rows) {
    require(*options.block_rows >= 1, "block_rows", *options.block_rows, "at least 1");
  }
  if (options.block_capacity_bytes) {
    require(*options.block_capacity_bytes >= 1, "block_capacity_bytes", 0, "at least 1");
  }
  require(options.max_deaths_per_block >= 1, "max_deaths_per_block", options.max_deaths_per_block,
          "at least 1");
  for (const auto& [name, timeout] : {std::pair{"block_timeout", options.block_timeout},
                                      std::pair{"open_timeout", options.open_timeout}}) {
    require(timeout.count() >= 0, name, timeout.count(), "0 or more milliseconds");
  }
}

// Which blocks may be delivered next, see RingOptions::window_end.
std::function<std::uint64_t(std::uint64_t)> delivery_order(const StreamOptions& options,
                                                           const BlockPlan& plan) {
  if (options.ordered) return [](std::uint64_t delivered) { return delivered + 1; };
  if (!options.cyclic || options.mix_passes) return {};
  return [plan](std::uint64_t delivered) { return plan.first_of_next_epoch(delivered); };
}

// What a block may have, where nobody knows beforehand what it needs.
std::size_t block_capacity(const hdf5::DatasetInfo& dataset, const BlockPlan& plan,
                           const StreamOptions& options) {
  const std::size_t capacity = options.block_capacity_bytes.value_or(kUsualCapacityBytes);
  const std::uint64_t rows =
      plan.cyclic ? plan.block_rows : std::min(plan.block_rows, plan.rows.count);
  std::uint64_t elements = 0;
  const bool overflows = __builtin_mul_overflow(rows, dataset.row_elements(), &elements);
  if (overflows || offset_bytes(elements) > capacity) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("stream '{}' of {}: the offsets of a block of {} rows do not fit "
                            "block_capacity_bytes, which is {}: raise it, or lower block_rows",
                            dataset.path, dataset.file, rows, capacity));
  }
  return capacity;
}

std::size_t block_bytes(const hdf5::DatasetInfo& dataset, std::uint64_t block_rows,
                        const std::optional<RowFilter>& filter) {
  std::size_t bytes = 0;
  bool overflows = __builtin_mul_overflow(block_rows, dataset.row_bytes(), &bytes);
  if (filter) {
    const auto slot_bytes = filter->slot_bytes(block_rows);
    overflows = !slot_bytes;
    bytes = slot_bytes.value_or(0);
  }
  if (overflows) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("stream '{}' of {}: a block of {} rows of {} bytes does not fit the "
                            "address space",
                            dataset.path, dataset.file, block_rows, dataset.row_bytes()));
  }
  return std::max<std::size_t>(bytes, 1);
}

// Two blocks for each worker and one in hand; more of small ones, which are made sooner than a
// consumer is woken. All of them together should stay in the cache that the cores share.
unsigned default_read_ahead(unsigned workers, std::size_t block_bytes) {
  const auto small_blocks =
      static_cast<unsigned>(std::min<std::size_t>(kUsualRingBytes / block_bytes, kMostSmallBlocks));
  return std::max(2 * workers + 1, small_blocks);
}

// The ring's own errors cannot name the dataset.
BlockRing make_ring(const hdf5::DatasetInfo& dataset, const RingOptions& options) {
  try {
    return BlockRing(options);
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("stream '{}' of {}: {}", dataset.path, dataset.file, error.what()));
  }
}

WorkersOptions workers_options(const std::string& file, const std::string& dataset,
                               const FileOptions& file_options, const StreamOptions& options) {
  return {.file = file,
          .dataset = dataset,
          .open = {.fields = options.fields,
                   .allow_outside_sources = file_options.allow_outside_sources,
                   .direct = options.direct,
                   .index_folder = chunks::index_folder_path(file_options.index_folder),
                   .chunk_cache_bytes = options.chunk_cache_bytes},
          .worker = file_options,
          .count = options.workers.value_or(std::min(usable_cores(), kMaxDefaultWorkers)),
          .block_timeout = options.block_timeout,
          .open_timeout = options.open_timeout,
          .max_deaths_per_block = options.max_deaths_per_block,
          .reader = {}};
}

std::unique_ptr<Workers> make_workers(const WorkersOptions& options, WorkerKind kind) {
  return kind == WorkerKind::kThreads ? make_thread_workers(options)
                                      : make_process_workers(options);
}

// A dataset that workers have opened, and what they will do with its rows.
struct OpenedStream {
  std::unique_ptr<Workers> workers;
  hdf5::DatasetInfo read;
  std::optional<FilterPlan> plan;
  std::optional<RowFilter> filter;
};

OpenedStream open_unfiltered(const WorkersOptions& options, WorkerKind kind) {
  auto workers = make_workers(options, kind);
  auto dataset = workers->opened();
  return {std::move(workers), std::move(dataset), {}, {}};
}

// Whole rows are read, for they are decoded in any case; unless one of their fields is of a type
// that is not served inside a row.
OpenedStream open_filtered(WorkersOptions options, WorkerKind kind, const std::string& where) {
  FilterPlan plan{where, std::exchange(options.open.fields, {}), {}};
  const auto open = [&] {
    OpenedStream stream = open_unfiltered(options, kind);
    try {
      stream.filter.emplace(plan, stream.read);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("stream '{}' of {}: {}", options.dataset, options.file,
                                            error.what()));
    }
    stream.plan = plan;
    return stream;
  };
  try {
    return open();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported || plan.fields.empty()) throw;
  }
  plan.read_fields = fields_to_read(where, plan.fields);
  options.open.fields = plan.read_fields;
  return open();
}

// Streams `rows`, or the whole dataset.
BlockQueue open_queue(const WorkersOptions& workers_are, const StreamOptions& options,
                      const std::optional<RowRange>& rows) {
  OpenedStream opened = options.where.empty()
                            ? open_unfiltered(workers_are, options.kind)
                            : open_filtered(workers_are, options.kind, options.where);
  hdf5::DatasetInfo delivered = opened.read;
  if (opened.filter) delivered.type = opened.filter->delivered();
  const auto dataset = std::make_shared<const hdf5::DatasetInfo>(std::move(delivered));

  const BlockPlan plan{.rows = rows.value_or(RowRange{0, dataset->row_count()}),
                       .block_rows = options.block_rows
                                         ? static_cast<std::uint64_t>(*options.block_rows)
                                         : default_block_rows(opened.read),
                       .cyclic = options.cyclic,
                       .remainder = options.remainder};
  const bool empty = plan.rows.count == 0;
  const bool has_lists = dataset->type.is_variable_length();
  const std::size_t slot_bytes = has_lists ? block_capacity(*dataset, plan, options)
                                           : block_bytes(*dataset, plan.block_rows, opened.filter);
  BlockRing ring = make_ring(
      *dataset,
      {.slot_count = options.read_ahead.value_or(default_read_ahead(workers_are.count, slot_bytes)),
       .block_bytes = slot_bytes,
       .preallocate = !has_lists,
       .spin = kSpin,
       .ticket_count = empty ? 0 : plan.block_count().value_or(SlotWord::kTicketLimit),
       .window_end = delivery_order(options, plan)});
  if (!empty) opened.workers->start(ring, plan, opened.plan);

  StreamOptions for_remainder = options;
  for_remainder.cyclic = false;
  for_remainder.workers = 1;
  for_remainder.read_ahead = 1;
  for_remainder.on_error = OnError::kRaise;
  for_remainder.publish_statistics = false;
  const auto open_rows = [=](RowRange wanted) {
    StreamOptions one_block = for_remainder;
    one_block.block_rows = static_cast<std::int64_t>(wanted.count);
    WorkersOptions one_worker = workers_are;
    one_worker.count = 1;
    return open_queue(one_worker, one_block, wanted);
  };
  std::unique_ptr<BlockQueue::Impl> queue(
      new BlockQueue::Impl{.dataset = dataset,
                           .plan = plan,
                           .on_error = options.on_error,
                           .ordered = options.ordered,
                           .worker_count = workers_are.count,
                           .ring = std::move(ring),
                           .open_rows = open_rows,
                           .is_filtered = opened.filter.has_value(),
                           .workers = std::move(opened.workers)});
  if (options.publish_statistics) {
    queue->publish(statistics_folder_of_environment().value_or(SharedDictOptions{}.folder));
  }
  return BlockQueue(std::move(queue));
}

// Streams a dataset, published if the environment says so.
BlockQueue open_whole(const WorkersOptions& workers_are, StreamOptions options) {
  if (statistics_folder_of_environment()) options.publish_statistics = true;
  return open_queue(workers_are, options, std::nullopt);
}

// Chunks hold only what refers to the values. So a chunk that is much larger is no reason to make
// blocks large: libhdf5 decodes it, in each worker, in no time.
std::uint64_t default_rows_of_lists(const hdf5::DatasetInfo& dataset) {
  const std::uint64_t mean = std::max<std::uint64_t>(dataset.mean_value_bytes_at_most, 1);
  const std::uint64_t elements =
      std::clamp<std::uint64_t>(kUsualValueBytes / mean, 1, kUsualBlockElements);
  const std::uint64_t row_elements = std::max<std::uint64_t>(dataset.row_elements(), 1);
  std::uint64_t rows = std::max<std::uint64_t>(elements / row_elements, 1);
  if (!dataset.chunk.empty() && rows > dataset.chunk[0]) rows -= rows % dataset.chunk[0];
  return std::min(rows, std::max<std::uint64_t>(dataset.row_count(), 1));
}

}  // namespace

std::uint64_t default_block_rows(const hdf5::DatasetInfo& dataset) {
  if (dataset.type.is_variable_length()) return default_rows_of_lists(dataset);
  const std::uint64_t row_bytes = std::max<std::uint64_t>(dataset.row_bytes(), 1);
  const auto rows_of = [&](std::uint64_t bytes) {
    return std::max<std::uint64_t>(bytes / row_bytes, 1);
  };
  std::uint64_t rows = rows_of(kUsualBlockBytes);
  if (!dataset.chunk.empty()) {
    const std::uint64_t chunk_rows = std::max<std::uint64_t>(dataset.chunk[0], 1);
    rows = std::max<std::uint64_t>(rows / chunk_rows, 1) * chunk_rows;
  }
  rows = std::min(rows, rows_of(kLargestDefaultBlockBytes));
  return std::min(rows, std::max<std::uint64_t>(dataset.row_count(), 1));
}

Streamer::Streamer(std::string file, FileOptions options)
    : file_(std::move(file)), options_(std::move(options)) {
  require_readable_file(file_);
}

BlockQueue Streamer::queue(const std::string& dataset, const StreamOptions& options) const {
  check(options);
  return open_whole(workers_options(file_, dataset, options_, options), options);
}

BlockQueue stream_by(std::shared_ptr<const RowReader> reader, StreamOptions options) {
  options.kind = WorkerKind::kThreads;
  check(options);
  auto workers = workers_options(reader->info().file, reader->info().path, {}, options);
  workers.reader = std::move(reader);
  if (options.where.empty() && !options.fields.empty()) {
    workers.reader = std::make_shared<chunks::FieldReader>(workers.reader->clone(), options.fields);
  }
  return open_whole(workers, options);
}

RowStream Streamer::rows(const std::string& dataset, StreamOptions options) const {
  options.ordered = true;
  options.remainder = true;
  return RowStream(queue(dataset, options));
}

}  // namespace h5flume
