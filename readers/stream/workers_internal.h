#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/block_ring.h"
#include "readers/chunks/row_reader.h"
#include "readers/hdf5/dataset.h"
#include "readers/stream/block_plan.h"
#include "readers/stream/row_filter.h"
#include "readers/worker/file_options.h"

namespace h5flume {

// What a set of workers is to read, and how long it may take them: see StreamOptions.
struct WorkersOptions {
  std::string file;
  std::string dataset;
  hdf5::OpenOptions open;
  FileOptions worker;
  unsigned count = 1;
  std::chrono::milliseconds block_timeout{0};
  std::chrono::milliseconds open_timeout{0};
  unsigned max_deaths_per_block = 3;

  // For threads: a reader of the dataset that is there already. They read by clones of it, and open
  // nothing.
  std::shared_ptr<const RowReader> reader;
};

// One who fills blocks now.
struct LiveWorker {
  std::uint8_t number = 0;
  int pid = 0;  // 0: a thread of this process
};

// The workers of one stream: processes or threads behind one interface.
//
// Threads: opened() and start() are called once, in this order, by the maker; the others by anyone.
class Workers {
 public:
  virtual ~Workers() = default;  // closes

  // Waits until a worker has opened the dataset. Throws what keeps them from it.
  virtual hdf5::DatasetInfo opened() = 0;

  // Has the workers fill the ring from now on, with the rows that the filter leaves, if there is
  // one.
  virtual void start(const BlockRing& ring, const BlockPlan& plan,
                     const std::optional<FilterPlan>& filter) = 0;

  // Lets the workers go, without waiting for it: the stream has been delivered.
  virtual void finish() noexcept = 0;

  // Ends the workers; they are gone when it returns. No effect if repeated.
  virtual void close() noexcept = 0;

  // Why there are no workers any more although the stream is not done, if that is so; the ring has
  // been stopped then.
  virtual std::optional<Error> failure() const = 0;

  virtual std::vector<int> pids() const = 0;
  virtual std::vector<LiveWorker> alive() const = 0;
  virtual std::uint64_t restarts() const = 0;
};

std::unique_ptr<Workers> make_process_workers(WorkersOptions options);
std::unique_ptr<Workers> make_thread_workers(const WorkersOptions& options);

}  // namespace h5flume
