#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/error.h"
#include "core/process.h"
#include "core/resolved_selection.h"
#include "core/slot_word.h"
#include "readers/hdf5/dataset.h"
#include "readers/stream/block_plan.h"
#include "readers/stream/row_filter.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// The descriptor of a worker process at which its channel lies.
inline constexpr int kWorkerChannelDescriptor = 3;

/// A dataset that a worker has opened.
struct OpenedDataset {
  hdf5::DatasetInfo info;
  FileIdentity identity;
};

/// Memory that a worker reads into: its descriptor is given once, and then its number is enough.
struct WorkerMemory {
  std::uint64_t number = 0;
  int descriptor = -1;                    ///< -1: the worker has it already
  std::vector<std::uint64_t> taken_back;  ///< other memory that is not used any more
};

/// A worker process ended instead of answering.
class WorkerEnded : public Error {
 public:
  WorkerEnded(const std::string& asked, const ExitStatus& status);
  const ExitStatus& status() const noexcept { return status_; }

 private:
  ExitStatus status_;
};

/// A worker process, seen from the process that started it: opening a file and reading from it
/// happen there, so that a hostile file crashes, hangs or bloats the worker and nobody else.
///
/// Requests are answered in their order. Lifetime: destruction kills the process, and so does the
/// end of the thread that made it. Threads: for one at a time.
class WorkerClient {
 public:
  using Deadline = Channel::Deadline;

  /// Starts the program that `options` name. `purpose` appears in process lists.
  /// Throws kNotFound, kResourceLimit or kIo.
  WorkerClient(const FileOptions& options, const std::string& purpose);

  ChildProcess& process() noexcept { return process_; }
  int channel_descriptor() const noexcept { return channel_.descriptor(); }

  /// Asks for a dataset to be opened; opened() waits for the answer. With kHandOver,
  /// take_descriptor() then has the index of a dataset that is read directly, in memory.
  enum class Index { kKeep, kHandOver };
  void request_open(const std::string& file, const std::string& dataset,
                    const hdf5::OpenOptions& options, Index index = Index::kKeep);

  /// Throws what hdf5::Dataset's constructor throws there, kTimeout, and kWorkerFailed if the
  /// process ends instead of answering.
  OpenedDataset opened(const Deadline& deadline);

  /// What came with the last answer; empty if nothing did.
  FileDescriptor take_descriptor() noexcept { return std::move(received_); }

  /// Throws what hdf5::list_datasets throws there, kTimeout, WorkerEnded.
  std::vector<hdf5::ListedDataset> list(const std::string& file, const Deadline& deadline);

  /// Has the process fill the ring in the shared memory `ring_descriptor` from the dataset opened
  /// last, until the ring is stopped, with a thread for each of `workers`.
  void fill(const std::vector<WorkerId>& workers, const BlockPlan& plan,
            const std::optional<FilterPlan>& filter, int ring_descriptor);

  /// Has the process read a selection of the dataset opened last, as SelectionReader does, into the
  /// beginning of `memory`. Throws kResourceLimit for lists that no message can hold.
  void select(const std::vector<ResolvedAxis>& axes, const FieldChoice& fields,
              const WorkerMemory& memory);

  /// The answer to select(): what SelectionReader::read() returned there. Throws what it throws
  /// there, kTimeout, WorkerEnded.
  std::uint64_t selected(const Deadline& deadline);

  /// The answer to fill(), given when the ring has been stopped. Throws what keeps the worker from
  /// filling it, kTimeout, WorkerEnded.
  void filled(const Deadline& deadline);

 private:
  WorkerClient(const FileOptions& options, const std::string& purpose,
               std::pair<Channel, FileDescriptor> ends);
  template <class Parse>
  auto receive(const Deadline& deadline, Parse parse);
  Message receive_message(const Deadline& deadline);

  FileOptions options_;
  std::string asked_;  ///< the request that is being answered, for messages
  FileDescriptor received_;
  Channel channel_;
  ChildProcess process_;
};

}  // namespace h5flume
