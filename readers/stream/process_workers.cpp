#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "readers/stream/row_names_internal.h"
#include "readers/stream/start_thread_internal.h"
#include "readers/stream/workers_internal.h"
#include "readers/worker/worker_client.h"

namespace h5flume {
namespace {

using Clock = std::chrono::steady_clock;

// A thread of a worker process, as the ring knows it.
struct Filler {
  WorkerId id;
  std::optional<std::uint64_t> ticket;  // seen to be filled
  Clock::time_point since;              // when it was first seen
};

// What the supervisor knows of one worker process. Only its thread touches this.
//
//   none --> opening --answer--> idle --ring--> filling
//     ^         |                  |               |
//     '---------'--- death --------'---------------'
struct WorkerProcess {
  enum class State { kNone, kOpening, kIdle, kFilling };

  std::vector<Filler> fillers;
  State state = State::kNone;
  std::optional<WorkerClient> client;
  Clock::time_point since;                   // of `state`
  bool timed_out = false;                    // killed for that,
  std::optional<std::uint64_t> late_ticket;  // or for this
};

// Worker processes and the thread that looks after them: it starts them, notices each death at once
// by the process's pidfd, gives the dead one's blocks to another, starts a successor, and kills who
// does not answer. It also has to live as long as they do, because the kernel kills a worker when
// the thread that started it ends.
//
// The first process opens the dataset. If it is read directly that process gets all workers, as
// threads, which share one map and decode each chunk once; if libhdf5 reads it each worker is a
// process, for libhdf5 does one call at a time. After a death each worker is a process in any case,
// so that a block which takes down all who touch it is found out.
class ProcessWorkers final : public Workers {
 public:
  explicit ProcessWorkers(WorkersOptions options)
      : options_(std::move(options)),
        wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        processes_(options_.count) {
    if (!wake_up_) throw_system_error("start workers", errno);
    supervisor_ = start_thread([this] { supervise(); });
  }
  ~ProcessWorkers() override { close(); }

  hdf5::DatasetInfo opened() override { return first_opened_.get_future().get().info; }

  void start(const BlockRing& ring, const BlockPlan& plan,
             const std::optional<FilterPlan>& filter) override {
    {
      const std::lock_guard lock(mutex_);
      job_.emplace(Job{ring, plan, filter});
      if (failure_) job_->ring.stop();
    }
    wake_up();
  }

  void finish() noexcept override {
    ending_ = true;
    wake_up();
  }

  void close() noexcept override {
    finish();
    const std::lock_guard lock(closing_);
    if (supervisor_.joinable()) supervisor_.join();
    const std::lock_guard job_lock(mutex_);
    if (job_) job_->ring.stop();
  }

  std::optional<Error> failure() const override {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  std::vector<int> pids() const override {
    const std::lock_guard lock(mutex_);
    return pids_;
  }

  std::vector<LiveWorker> alive() const override {
    const std::lock_guard lock(mutex_);
    return alive_;
  }

  std::uint64_t restarts() const override { return restarts_; }

 private:
  using State = WorkerProcess::State;

  struct Job {
    BlockRing ring;
    BlockPlan plan;
    std::optional<FilterPlan> filter;
  };

  void wake_up() noexcept { ::eventfd_write(wake_up_.get(), 1); }

  std::optional<Job> job() const {
    const std::lock_guard lock(mutex_);
    return job_;
  }

  // --- the supervisor's thread ---

  void supervise() noexcept {
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      processes_[0].fillers.push_back({{static_cast<std::uint8_t>(i), 0}, {}, {}});
    }
    start_process(processes_[0]);
    while (!ending_) {
      wait_for_events();
      if (ending_) break;
      for (WorkerProcess& process : processes_) {
        try {
          look_after(process);
        } catch (const Error& error) {
          give_up(process, error);
        }
      }
    }
    for (WorkerProcess& process : processes_) process.client.reset();  // kills and collects
    publish_pids();
    fail({ErrorCode::kWorkerFailed, "open '" + options_.dataset + "': closed"});
  }

  // Returns when a process has ended or answered, a job or the end is announced, or a block may
  // have taken too long.
  void wait_for_events() {
    std::vector<pollfd> events{{wake_up_.get(), POLLIN, 0}};
    for (WorkerProcess& process : processes_) {
      if (!process.client) continue;
      events.push_back({process.client->process().pidfd(), POLLIN, 0});
      events.push_back({process.client->channel_descriptor(), POLLIN, 0});
    }
    ::poll(events.data(), events.size(), look_interval_ms());
    eventfd_t ignored = 0;
    ::eventfd_read(wake_up_.get(), &ignored);
  }

  // Four looks in the time something may take find a late worker early enough.
  int look_interval_ms() const {
    std::int64_t shortest = 0;
    for (const auto timeout : {options_.block_timeout, options_.open_timeout}) {
      if (timeout.count() > 0 && (shortest == 0 || timeout.count() < shortest)) {
        shortest = timeout.count();
      }
    }
    return shortest == 0 ? -1 : static_cast<int>(std::clamp<std::int64_t>(shortest / 4, 1, 60'000));
  }

  void look_after(WorkerProcess& process) {
    if (!process.client) return;
    if (const auto status = process.client->process().wait(std::chrono::milliseconds{0})) {
      bury(process, *status);
      return;
    }
    if (has_answered(process)) receive_answer(process);
    if (process.client && process.state == State::kIdle) put_to_work(process);
    if (process.client) kill_if_late(process);
  }

  void start_process(WorkerProcess& process) {
    try {
      process.client.emplace(options_.worker,
                             fmt::format("{} {}", options_.file, options_.dataset));
      process.client->request_open(options_.file, options_.dataset, options_.open);
      process.state = State::kOpening;
      process.since = Clock::now();
      process.timed_out = false;
      process.late_ticket.reset();
    } catch (const Error& error) {
      give_up(process, error);
    }
    publish_pids();
  }

  static bool has_answered(const WorkerProcess& process) {
    pollfd answer{process.client->channel_descriptor(), POLLIN, 0};
    return ::poll(&answer, 1, 0) > 0;
  }

  void receive_answer(WorkerProcess& process) {
    constexpr std::chrono::seconds kWholeAnswer{5};
    const auto deadline = Clock::now() + kWholeAnswer;
    try {
      if (process.state == State::kOpening) {
        accept(process, process.client->opened(deadline));
      } else {
        process.client->filled(deadline);  // the ring has been stopped, or the worker cannot
      }
    } catch (const WorkerEnded& death) {
      bury(process, death.status());
    } catch (const Error& error) {
      give_up(process, error);
    }
  }

  void accept(WorkerProcess& process, const OpenedDataset& opened) {
    compare_with_first(opened);
    process.state = State::kIdle;
    deaths_while_opening_ = 0;
    if (!opened.info.hdf5_reason.empty() && process.fillers.size() > 1) {
      spread(process);
      for (std::size_t i = 1; i < processes_.size(); ++i) start_process(processes_[i]);
    }
    settle([&] { first_opened_.set_value(opened); });
  }

  // The first answer is what is streamed; all others must have found the same.
  void compare_with_first(const OpenedDataset& opened) {
    if (!first_) {
      first_ = opened;
    } else if (opened.identity != first_->identity || opened.info != first_->info) {
      throw Error(
          ErrorCode::kSourceChanged,
          fmt::format("open '{}' of {}: the file was replaced or changed while it was being "
                      "streamed",
                      options_.dataset, options_.file));
    }
  }

  // From one process with all workers to a process for each.
  void spread(WorkerProcess& all) {
    const auto fillers = std::exchange(all.fillers, {});
    for (std::size_t i = 0; i < fillers.size(); ++i) processes_[i].fillers = {fillers[i]};
  }

  void put_to_work(WorkerProcess& process) {
    const auto job = this->job();
    if (!job) return;
    std::vector<WorkerId> workers;
    for (Filler& filler : process.fillers) {
      filler.ticket.reset();
      workers.push_back(filler.id);
    }
    process.client->fill(workers, job->plan, job->filter, job->ring.descriptor());
    process.state = State::kFilling;
    process.since = Clock::now();
  }

  void kill_if_late(WorkerProcess& process) {
    const auto now = Clock::now();
    if (process.state == State::kFilling) {
      const auto job = this->job();
      for (Filler& filler : process.fillers) {
        const auto ticket = job->ring.claimed_by(filler.id);
        if (!ticket || ticket != filler.ticket) {
          filler.ticket = ticket;
          filler.since = now;
        } else if (is_over(options_.block_timeout, now - filler.since)) {
          process.late_ticket = ticket;
          return kill_late(process);
        }
      }
    } else if (process.state == State::kOpening &&
               is_over(options_.open_timeout, now - process.since)) {
      kill_late(process);
    }
  }

  static bool is_over(std::chrono::milliseconds limit, Clock::duration taken) {
    return limit.count() > 0 && taken > limit;
  }

  static void kill_late(WorkerProcess& process) {
    process.timed_out = true;
    process.client->process().kill();  // its death is the next event
  }

  // A process has ended: its blocks go to others, unless they take down all who touch them.
  void bury(WorkerProcess& process, const ExitStatus& status) {
    const auto state = std::exchange(process.state, State::kNone);
    process.client.reset();
    if (ending_) return;
    ++restarts_;  // before its blocks can be delivered by another
    if (state == State::kFilling) {
      take_back_blocks(process, status);
    } else if (process.timed_out || ++deaths_while_opening_ >= options_.max_deaths_per_block) {
      const std::string object = fmt::format("open '{}' of {}", options_.dataset, options_.file);
      give_up(process, process.timed_out ? late(object, options_.open_timeout)
                                         : deadly(object, deaths_while_opening_, status));
      return;
    }
    for (Filler& filler : process.fillers) ++filler.id.incarnation;
    if (state != State::kFilling || process.fillers.size() == 1) return start_process(process);
    spread(process);
    for (WorkerProcess& each : processes_) each.state = State::kOpening;  // none is the last
    for (WorkerProcess& each : processes_) start_process(each);
  }

  void take_back_blocks(const WorkerProcess& process, const ExitStatus& status) {
    Job job = *this->job();
    const bool is_sure = process.fillers.size() == 1;
    for (const Filler& filler : process.fillers) {
      job.ring.reclaim(filler.id, [&](std::uint64_t ticket) -> std::optional<Error> {
        const RowRange rows{job.plan.first_row(ticket), job.plan.row_count(ticket)};
        const std::string object = "read " + rows_of(first_->info, rows);
        // It may have finished the late block and begun another before it was killed.
        if (process.timed_out) {
          if (ticket != process.late_ticket) return std::nullopt;
          return late(object, options_.block_timeout);
        }
        return verdict(object, ticket, is_sure, status);
      });
    }
  }

  // Fails a block that killed too many; lets another worker try it otherwise, and at any rate if it
  // is not sure that it was this block.
  std::optional<Error> verdict(const std::string& object, std::uint64_t ticket, bool is_sure,
                               const ExitStatus& status) {
    const unsigned deaths = ++deaths_by_ticket_[ticket];
    if (!is_sure || deaths < options_.max_deaths_per_block) return std::nullopt;
    deaths_by_ticket_.erase(ticket);
    return deadly(object, deaths, status);
  }

  static Error late(const std::string& object, std::chrono::milliseconds limit) {
    return {ErrorCode::kTimeout, fmt::format("{}: no result within {} s", object,
                                             std::chrono::duration<double>(limit).count())};
  }

  static Error deadly(const std::string& object, unsigned deaths, const ExitStatus& status) {
    return {ErrorCode::kWorkerFailed,
            fmt::format("{}: {} worker processes ended over it, the last: {}", object, deaths,
                        to_string(status))};
  }

  // A process cannot be had. The others carry on; without any the stream has failed.
  void give_up(WorkerProcess& process, const Error& error) {
    process.client.reset();
    process.state = State::kNone;
    publish_pids();
    if (auto job = this->job()) {
      for (const Filler& filler : process.fillers) job->ring.reclaim(filler.id);
    }
    const bool last =
        std::all_of(processes_.begin(), processes_.end(),
                    [](const WorkerProcess& other) { return other.state == State::kNone; });
    if (last) fail(error);
  }

  void fail(const Error& error) {
    {
      const std::lock_guard lock(mutex_);
      if (!ending_ && !failure_) failure_ = error;
      if (job_) job_->ring.stop();
    }
    settle([&] { first_opened_.set_exception(std::make_exception_ptr(error)); });
  }

  // The answer to opened() is given once.
  template <class Give>
  void settle(Give give) {
    if (!std::exchange(settled_, true)) give();
  }

  void publish_pids() {
    const std::lock_guard lock(mutex_);
    pids_.clear();
    alive_.clear();
    for (WorkerProcess& process : processes_) {
      if (!process.client) continue;
      const int pid = process.client->process().pid();
      pids_.push_back(pid);
      for (const Filler& filler : process.fillers) alive_.push_back({filler.id.number, pid});
    }
  }

  const WorkersOptions options_;
  FileDescriptor wake_up_;
  std::promise<OpenedDataset> first_opened_;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> restarts_{0};

  mutable std::mutex mutex_;  // guards the four below
  std::optional<Job> job_;
  std::optional<Error> failure_;
  std::vector<int> pids_;
  std::vector<LiveWorker> alive_;

  // The supervisor's own.
  std::vector<WorkerProcess> processes_;
  std::optional<OpenedDataset> first_;
  bool settled_ = false;
  unsigned deaths_while_opening_ = 0;
  std::map<std::uint64_t, unsigned> deaths_by_ticket_;

  std::mutex closing_;  // guards the joining of supervisor_
  std::thread supervisor_;
};

}  // namespace

std::unique_ptr<Workers> make_process_workers(WorkersOptions options) {
  return std::make_unique<ProcessWorkers>(std::move(options));
}

}  // namespace h5flume
