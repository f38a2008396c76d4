#include "readers/stream/fill_blocks.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "core/test_point.h"
#include "readers/stream/row_names_internal.h"
#include "readers/stream/start_thread_internal.h"

namespace h5flume {
namespace {

[[noreturn]] void throw_too_large(const hdf5::DatasetInfo& dataset, const RowRange& rows,
                                  const ListWriter& block) {
  throw Error(ErrorCode::kResourceLimit,
              fmt::format("read {}: as a block they need {}{} bytes, and block_capacity_bytes is "
                          "{}: raise it, or lower block_rows",
                          rows_of(dataset, rows), block.given_up() ? "at least " : "",
                          block.needed_bytes(), block.capacity_bytes()));
}

// The elements of all ranges follow each other as if they were of one: a block that wraps has one
// run of offsets.
std::size_t read_lists(const BlockPlan& plan, std::uint64_t ticket, RowReader& reader,
                       std::span<std::byte> out) {
  const hdf5::DatasetInfo& dataset = reader.info();
  const RowRange rows{plan.first_row(ticket), plan.row_count(ticket)};
  ListWriter block(out, rows.count * dataset.row_elements(), dataset.type.value_size());
  for (const RowRange& range : plan.ranges(ticket)) {
    test_point("block.reading", ticket);
    reader.append_rows(range.first, range.count, block);
    if (block.given_up()) break;
  }
  if (!block.fits()) throw_too_large(dataset, rows, block);
  return block.needed_bytes();
}

// An error of the condition itself does not name the dataset.
std::size_t filter_block(const BlockPlan& plan, std::uint64_t ticket, RowFilter& filter,
                         const hdf5::DatasetInfo& dataset, std::span<std::byte> block) {
  try {
    return filter.pack(block, plan.ranges(ticket));
  } catch (const Error& error) {
    const RowRange rows{plan.first_row(ticket), plan.row_count(ticket)};
    throw Error(error.code(), fmt::format("read {}: {}", rows_of(dataset, rows), error.what()));
  }
}

std::size_t read_block(const BlockPlan& plan, std::uint64_t ticket, RowReader& reader,
                       std::span<std::byte> out) {
  if (reader.info().type.is_variable_length()) return read_lists(plan, ticket, reader, out);
  std::size_t filled = 0;
  for (const RowRange& range : plan.ranges(ticket)) {
    test_point("block.reading", ticket);
    const std::size_t size_bytes = range.count * reader.info().row_bytes();
    if (filled + size_bytes > out.size()) {
      throw Error(ErrorCode::kSourceChanged,
                  fmt::format("read {}: its rows are larger than when the stream was started",
                              rows_of(reader.info(), range)));
    }
    reader.read_rows(range.first, range.count, out.subspan(filled, size_bytes));
    filled += size_bytes;
  }
  return filled;
}

}  // namespace

void fill_blocks(BlockRing& ring, WorkerId worker, const BlockPlan& plan,
                 std::optional<RowFilter>& filter, RowReader& reader) {
  using Clock = std::chrono::steady_clock;
  while (auto slot = ring.reserve(worker)) {
    const auto started = Clock::now();
    const auto fail_with = [&](ErrorCode code, const char* cause) {
      const RowRange rows{plan.first_row(slot->ticket()), plan.row_count(slot->ticket())};
      std::move(*slot).fail(
          Error(code, fmt::format("read {}: {}", rows_of(reader.info(), rows), cause)));
    };
    try {
      std::size_t size_bytes = read_block(plan, slot->ticket(), reader, slot->bytes());
      if (filter) {
        size_bytes = filter_block(plan, slot->ticket(), *filter, reader.info(), slot->bytes());
      }
      std::move(*slot).commit(size_bytes, Clock::now() - started);
    } catch (const Error& error) {
      std::move(*slot).fail(error);
    } catch (const std::bad_alloc&) {
      fail_with(ErrorCode::kOutOfMemory, "the worker has no memory left");
    } catch (const std::exception& error) {
      fail_with(ErrorCode::kWorkerFailed, error.what());
    }
  }
}

void fill_blocks_on_threads(const BlockRing& ring, std::span<const WorkerId> workers,
                            const BlockPlan& plan, std::optional<RowFilter> filter,
                            RowReader& reader) {
  std::vector<std::unique_ptr<RowReader>> clones;
  std::vector<std::thread> threads;
  try {
    for (const WorkerId worker : workers.subspan(1)) {
      clones.push_back(reader.clone());
      threads.push_back(
          start_thread([=, ring = BlockRing(ring), &clone = *clones.back()]() mutable {
            fill_blocks(ring, worker, plan, filter, clone);
          }));
    }
  } catch (const std::exception&) {
    // Fewer threads do the same work.
  }
  BlockRing own_end(ring);
  fill_blocks(own_end, workers.front(), plan, filter, reader);
  for (auto& thread : threads) thread.join();
}

}  // namespace h5flume
