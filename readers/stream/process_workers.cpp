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

// What the supervisor knows of one worker. Only its thread touches this.
//
//   opening --answer--> idle --ring--> filling
//      |                  |               |
//      '----- death: replaced by the next incarnation, which begins at opening
struct Worker {
  enum class State { kOpening, kIdle, kFilling, kGone };

  WorkerId id;
  State state = State::kOpening;
  std::optional<WorkerClient> client;
  Clock::time_point since;              // of `state`, or of the ticket being filled
  std::optional<std::uint64_t> ticket;  // seen to be filled
  bool timed_out = false;               // killed for that
};

// Worker processes and the thread that looks after them: it starts them, notices each death at once
// by the process's pidfd, gives the dead one's block to another, starts a successor, and kills who
// does not answer. It also has to live as long as they do, because the kernel kills a worker when
// the thread that started it ends.
class ProcessWorkers final : public Workers {
 public:
  explicit ProcessWorkers(WorkersOptions options)
      : options_(std::move(options)),
        wake_up_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        workers_(options_.count) {
    if (!wake_up_) throw_system_error("start workers", errno);
    supervisor_ = start_thread([this] { supervise(); });
  }
  ~ProcessWorkers() override { close(); }

  hdf5::DatasetInfo opened() override { return first_opened_.get_future().get().info; }

  void start(const BlockRing& ring, const BlockPlan& plan) override {
    {
      const std::lock_guard lock(mutex_);
      job_.emplace(Job{ring, plan});
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

  std::uint64_t restarts() const override { return restarts_; }

 private:
  struct Job {
    BlockRing ring;
    BlockPlan plan;
  };

  void wake_up() noexcept { ::eventfd_write(wake_up_.get(), 1); }

  std::optional<Job> job() const {
    const std::lock_guard lock(mutex_);
    return job_;
  }

  // --- the supervisor's thread ---

  void supervise() noexcept {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].id.number = static_cast<std::uint8_t>(i);
      start_process(workers_[i]);
    }
    while (!ending_) {
      wait_for_events();
      if (ending_) break;
      for (Worker& worker : workers_) {
        try {
          look_after(worker);
        } catch (const Error& error) {
          give_up(worker, error);
        }
      }
    }
    for (Worker& worker : workers_) worker.client.reset();  // kills and collects
    publish_pids();
    fail({ErrorCode::kWorkerFailed, "open '" + options_.dataset + "': closed"});
  }

  // Returns when a process has ended or answered, a job or the end is announced, or a block may
  // have taken too long.
  void wait_for_events() {
    std::vector<pollfd> events{{wake_up_.get(), POLLIN, 0}};
    for (Worker& worker : workers_) {
      if (!worker.client) continue;
      events.push_back({worker.client->process().pidfd(), POLLIN, 0});
      events.push_back({worker.client->channel_descriptor(), POLLIN, 0});
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

  void look_after(Worker& worker) {
    if (!worker.client) return;
    if (const auto status = worker.client->process().wait(std::chrono::milliseconds{0})) {
      bury(worker, *status);
      return;
    }
    if (has_answered(worker)) receive_answer(worker);
    if (worker.client && worker.state == Worker::State::kIdle) put_to_work(worker);
    if (worker.client) kill_if_late(worker);
  }

  void start_process(Worker& worker) {
    try {
      worker.client.emplace(options_.worker, fmt::format("{} {}", options_.file, options_.dataset));
      worker.client->request_open(options_.file, options_.dataset, options_.open);
      worker.state = Worker::State::kOpening;
      worker.since = Clock::now();
      worker.ticket.reset();
      worker.timed_out = false;
    } catch (const Error& error) {
      give_up(worker, error);
    }
    publish_pids();
  }

  static bool has_answered(const Worker& worker) {
    pollfd answer{worker.client->channel_descriptor(), POLLIN, 0};
    return ::poll(&answer, 1, 0) > 0;
  }

  void receive_answer(Worker& worker) {
    constexpr std::chrono::seconds kWholeMessage{5};
    const auto deadline = Clock::now() + kWholeMessage;
    try {
      if (worker.state == Worker::State::kOpening) {
        compare_with_first(worker.client->opened(deadline));
        worker.state = Worker::State::kIdle;
        deaths_while_opening_ = 0;
      } else {
        worker.client->filled(deadline);  // the ring has been stopped, or the worker cannot
      }
    } catch (const WorkerEnded& death) {
      bury(worker, death.status());
    } catch (const Error& error) {
      give_up(worker, error);
    }
  }

  // The first answer is what is streamed; all others must have found the same.
  void compare_with_first(OpenedDataset opened) {
    if (!first_) {
      first_ = opened;
      settle([&] { first_opened_.set_value(std::move(opened)); });
    } else if (opened.identity != first_->identity || opened.info != first_->info) {
      throw Error(
          ErrorCode::kSourceChanged,
          fmt::format("open '{}' of {}: the file was replaced or changed while it was being "
                      "streamed",
                      options_.dataset, options_.file));
    }
  }

  void put_to_work(Worker& worker) {
    const auto job = this->job();
    if (!job) return;
    worker.client->fill(worker.id, job->plan, job->ring.descriptor());
    worker.state = Worker::State::kFilling;
    worker.since = Clock::now();
  }

  void kill_if_late(Worker& worker) {
    const auto now = Clock::now();
    if (worker.state == Worker::State::kIdle) return;
    if (worker.state == Worker::State::kFilling) {
      const auto ticket = job()->ring.claimed_by(worker.id);
      if (!ticket || ticket != worker.ticket) {
        worker.ticket = ticket;
        worker.since = now;
        return;
      }
    }
    const auto limit = timeout_in(worker.state);
    if (limit.count() > 0 && now - worker.since > limit) {
      worker.timed_out = true;
      worker.client->process().kill();  // its death is the next event
    }
  }

  std::chrono::milliseconds timeout_in(Worker::State state) const {
    return state == Worker::State::kOpening ? options_.open_timeout : options_.block_timeout;
  }

  // A worker process has ended: its block goes to another worker, unless it kills all who touch it.
  void bury(Worker& worker, const ExitStatus& status) {
    const auto state = std::exchange(worker.state, Worker::State::kGone);
    const bool timed_out = worker.timed_out;
    const auto late_ticket = timed_out ? worker.ticket : std::nullopt;
    worker.client.reset();
    if (ending_) return;
    ++restarts_;  // before its block can be delivered by another
    if (state == Worker::State::kFilling) {
      Job job = *this->job();
      job.ring.reclaim(worker.id, [&](std::uint64_t ticket) {
        // It may have finished the late block and begun another before it was killed.
        return verdict(job.plan, ticket, ticket == late_ticket, status);
      });
    } else if (timed_out || ++deaths_while_opening_ >= options_.max_deaths_per_block) {
      const std::string object = fmt::format("open '{}' of {}", options_.dataset, options_.file);
      give_up(worker, timed_out ? late(object, options_.open_timeout)
                                : deadly(object, deaths_while_opening_, status));
      return;
    }
    ++worker.id.incarnation;
    start_process(worker);
  }

  // Fails a block that took too long or killed too many; lets another worker try it otherwise.
  std::optional<Error> verdict(const BlockPlan& plan, std::uint64_t ticket, bool is_late,
                               const ExitStatus& status) {
    const std::string object =
        "read " + rows_of(first_->info, {plan.first_row(ticket), plan.row_count(ticket)});
    if (is_late) return late(object, options_.block_timeout);
    const unsigned deaths = ++deaths_by_ticket_[ticket];
    if (deaths < options_.max_deaths_per_block) return std::nullopt;
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

  // A worker cannot be had. The others carry on; without any the stream has failed.
  void give_up(Worker& worker, const Error& error) {
    worker.client.reset();
    worker.state = Worker::State::kGone;
    if (auto job = this->job()) job->ring.reclaim(worker.id);
    const bool last = std::all_of(workers_.begin(), workers_.end(), [](const Worker& other) {
      return other.state == Worker::State::kGone;
    });
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
    for (Worker& worker : workers_) {
      if (worker.client) pids_.push_back(worker.client->process().pid());
    }
  }

  const WorkersOptions options_;
  FileDescriptor wake_up_;
  std::promise<OpenedDataset> first_opened_;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> restarts_{0};

  mutable std::mutex mutex_;  // guards the three below
  std::optional<Job> job_;
  std::optional<Error> failure_;
  std::vector<int> pids_;

  // The supervisor's own.
  std::vector<Worker> workers_;
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
