#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/shared_memory.h"
#include "readers/chunks/row_reader.h"
#include "readers/random/selection_reader_internal.h"
#include "readers/random/selection_server_internal.h"
#include "readers/worker/worker_client.h"

namespace h5flume {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Deadline = WorkerClient::Deadline;

// A worker whose result is not wanted any more may still finish so long: what it reads in that time
// costs less than another worker.
constexpr milliseconds kGrace{50};

// For the rest of a message that has begun.
constexpr std::chrono::seconds kWholeMessage{5};

Deadline deadline_after(milliseconds limit) {
  if (limit.count() == 0) return std::nullopt;
  return Clock::now() + limit;
}

void require_same(const LibrarySource& source, const hdf5::DatasetInfo& info,
                  const FileIdentity& identity) {
  if (identity == source.identity && info == source.info) return;
  throw Error(ErrorCode::kSourceChanged, "the file was replaced or changed since it was opened");
}

// Stages that a worker has been given, which are taken back when nobody has them any more.
class GivenMemory {
 public:
  WorkerMemory give(const std::shared_ptr<const SharedMemory>& memory) {
    WorkerMemory given;
    std::erase_if(known_, [&](const Known& known) {
      if (known.memory.expired()) given.taken_back.push_back(known.number);
      return known.memory.expired();
    });
    const auto is_it = [&](const Known& known) { return known.memory.lock() == memory; };
    const auto found = std::find_if(known_.begin(), known_.end(), is_it);
    if (found != known_.end()) {
      given.number = found->number;
      return given;
    }
    if (known_.size() == kMost) {
      given.taken_back.push_back(known_.front().number);
      known_.erase(known_.begin());
    }
    given.number = ++last_number_;
    given.descriptor = memory->descriptor();
    known_.push_back({memory, given.number});
    return given;
  }

 private:
  static constexpr std::size_t kMost = 64;

  struct Known {
    std::weak_ptr<const SharedMemory> memory;
    std::uint64_t number;
  };
  std::vector<Known> known_;
  std::uint64_t last_number_ = 0;
};

class ProcessServer final : public SelectionServer {
 public:
  explicit ProcessServer(const LibrarySource& source) : source_(source) {}

  std::uint64_t serve(const Operation& operation, WakeUp& interrupted) override {
    for (unsigned deaths = 1;; ++deaths) {
      try {
        return read(operation, interrupted);
      } catch (const WorkerEnded& end) {
        end_worker();
        if (!operation.is_wanted()) return 0;
        if (deaths >= source_.max_deaths_per_request) throw deadly(deaths, end.status());
      } catch (const Error& error) {
        const auto code = error.code();
        const bool is_about_the_file = code == ErrorCode::kCorruptData ||
                                       code == ErrorCode::kSourceChanged ||
                                       code == ErrorCode::kMissingFilter;
        if (!is_about_the_file) end_worker();
        throw;
      }
    }
  }

 private:
  struct Worker {
    WorkerClient client;
    GivenMemory memory;
  };

  std::uint64_t read(const Operation& operation, WakeUp& interrupted) {
    if (worker_ && worker_->client.process().wait(milliseconds{0})) end_worker();  // while idle
    if (!worker_ && !open(operation, interrupted)) return give_up();
    WorkerClient& client = worker_->client;
    const RequestSpec& spec = operation.spec();
    client.select(spec.resolved.axes, spec.selection.field_choice(),
                  worker_->memory.give(operation.shared_memory()));
    if (!await_answer(operation, interrupted, source_.request_timeout)) return give_up();
    return client.selected(Clock::now() + kWholeMessage);
  }

  std::uint64_t give_up() noexcept {
    end_worker();
    return 0;
  }

  bool open(const Operation& operation, WakeUp& interrupted) try {
    const hdf5::DatasetInfo& info = source_.info;
    worker_.emplace(
        Worker{WorkerClient(source_.file_options, fmt::format("{} {}", info.file, info.path)), {}});
    limit_sending();
    worker_->client.request_open(info.file, info.path, source_.opening);
    if (!await_answer(operation, interrupted, source_.open_timeout)) return false;
    const OpenedDataset opened = worker_->client.opened(Clock::now() + kWholeMessage);
    require_same(source_, opened.info, opened.identity);
    return true;
  } catch (...) {
    end_worker();  // which has nothing open
    throw;
  }

  // Long lists do not fit into a socket, and a worker that was stopped would never take them.
  void limit_sending() {
    const timeval limit{kWholeMessage.count(), 0};
    ::setsockopt(worker_->client.channel_descriptor(), SOL_SOCKET, SO_SNDTIMEO, &limit,
                 sizeof limit);
  }

  // Waits for an answer, or the worker's end. False if it is not waited for any more.
  bool await_answer(const Operation& operation, WakeUp& interrupted, milliseconds limit) {
    const Deadline deadline = deadline_after(limit);
    Deadline grace;
    for (;;) {
      interrupted.forget();  // before looking at what it says
      if (!grace && !operation.is_wanted()) grace = Clock::now() + kGrace;
      pollfd events[] = {{worker_->client.channel_descriptor(), POLLIN, 0},
                         {interrupted.descriptor(), POLLIN, 0}};
      const auto& until = grace ? grace : deadline;
      ::poll(events, std::size(events), until ? milliseconds_to(*until) : -1);
      if (events[0].revents != 0) return true;
      if (grace && Clock::now() >= *grace) return false;
      if (!grace && deadline && Clock::now() >= *deadline) throw late(limit);
    }
  }

  static int milliseconds_to(Clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
  }

  static Error late(milliseconds limit) {
    return {ErrorCode::kTimeout,
            fmt::format("no result within {} s", std::chrono::duration<double>(limit).count())};
  }

  static Error deadly(unsigned deaths, const ExitStatus& status) {
    return {ErrorCode::kWorkerFailed, fmt::format("{} worker processes ended over it, the last: {}",
                                                  deaths, to_string(status))};
  }

  void end_worker() noexcept { worker_.reset(); }  // kills it and waits for its end

  const LibrarySource& source_;
  std::optional<Worker> worker_;
};

class TrustedServer final : public SelectionServer {
 public:
  explicit TrustedServer(const LibrarySource& source) : source_(source) {}

  std::uint64_t serve(const Operation& operation, WakeUp&) override {
    if (!rows_) open();
    return reader_->read(operation.spec().resolved, *operation.spec().pick, operation.out(),
                         [&] { return operation.is_wanted(); });
  }

 private:
  void open() {
    auto rows = open_row_reader(source_.info.file, source_.info.path, source_.opening);
    require_same(source_, rows->info(), rows->identity());
    reader_.emplace(*rows->library_dataset());
    rows_ = std::move(rows);
  }

  const LibrarySource& source_;
  std::unique_ptr<RowReader> rows_;
  std::optional<SelectionReader> reader_;  // of rows_
};

}  // namespace

WakeUp::WakeUp() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw_system_error("make a descriptor for waking a thread", errno);
}

void WakeUp::ring() noexcept { ::eventfd_write(event_.get(), 1); }

void WakeUp::forget() noexcept {
  eventfd_t ignored = 0;
  ::eventfd_read(event_.get(), &ignored);
}

std::unique_ptr<SelectionServer> make_selection_server(const LibrarySource& source) {
  if (source.uses_processes()) return std::make_unique<ProcessServer>(source);
  return std::make_unique<TrustedServer>(source);
}

}  // namespace h5flume
