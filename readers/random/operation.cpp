#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/list_writer.h"
#include "core/selection_text.h"
#include "readers/random/open_dataset_internal.h"
#include "readers/random/operation_internal.h"

namespace h5flume {
namespace {

// So many boxes are sorted by address at a time: a request may touch more than fit into memory.
constexpr std::uint64_t kPlannedAtOnce = 4096;

// Near boxes are fetched together, up to so many bytes as stored and as decoded: less than what
// keeps a core busy for long, so that others can take their share.
constexpr std::uint64_t kLargestRun = 128 << 10;
constexpr std::uint64_t kLargestDecodedRun = 512 << 10;

bool is_near(const BoxJob& job, std::uint64_t reached) {
  return job.stored.address <= reached || job.stored.address - reached <= chunks::kNearBytes;
}

}  // namespace

std::string RequestSpec::name() const {
  return fmt::format("read '{}' {} of {}", dataset->info().path, to_short_string(selection),
                     dataset->info().file);
}

std::size_t RequestSpec::least_bytes() const noexcept {
  return type->is_variable_length() ? offset_bytes(resolved.element_count) : bytes;
}

std::span<std::byte> RequestSpec::room_in(std::span<std::byte> stage) const noexcept {
  const bool is_all = type->is_variable_length() && resolved.element_count > 0;
  return is_all ? stage : stage.first(bytes);
}

Operation::Operation(std::shared_ptr<const RequestSpec> spec, Purpose purpose,
                     std::function<void()> done)
    : spec_(std::move(spec)), purpose_(purpose), on_done_(std::move(done)) {}

Operation::~Operation() = default;

bool Operation::start(std::span<std::byte> out, std::unique_ptr<StageHold>&& hold) {
  std::unique_lock lock(mutex_);
  if (state_ != State::kWaiting) return false;
  out_ = out;
  hold_ = std::move(hold);
  state_ = State::kUnderWay;
  all_begun_ = spec_->resolved.element_count == 0;
  if (may_end()) {
    end(std::move(lock));
  } else {
    changed_.notify_all();
  }
  return true;
}

void Operation::plan() {
  const std::lock_guard lock(mutex_);
  if (may_begin() && next_job_ == planned_.size()) plan_more();
}

bool Operation::next_run(std::vector<BoxJob>& run) {
  run.clear();
  const std::lock_guard lock(mutex_);
  if (!may_begin() || !spec_->boxes) return false;
  if (next_job_ == planned_.size()) plan_more();
  if (next_job_ == planned_.size()) return false;
  const std::uint64_t most_boxes = kLargestDecodedRun / spec_->dataset->boxes().grid().box_bytes();
  std::uint64_t start = 0;
  std::uint64_t reached = 0;
  for (; next_job_ < planned_.size(); ++next_job_) {
    const BoxJob& job = planned_[next_job_];
    const std::uint64_t end = job.stored.address + job.stored.size_bytes;
    if (run.empty()) {
      start = job.stored.address;
    } else if (run.size() >= most_boxes || !is_near(job, reached) || end > start + kLargestRun) {
      break;
    }
    run.push_back(job);
    reached = std::max(reached, end);
  }
  all_begun_ = next_job_ == planned_.size() && next_part_ == spec_->boxes->plan.size();
  ++runs_under_way_;
  return true;
}

// Boxes that were never written come last: their address is the highest.
void Operation::plan_more() {
  const BoxPlan& plan = spec_->boxes->plan;
  planned_.clear();
  next_job_ = 0;
  for (; next_part_ < plan.size() && planned_.size() < kPlannedAtOnce; ++next_part_) {
    const std::uint64_t box = plan.box(next_part_);
    planned_.push_back({next_part_, box, spec_->dataset->boxes().grid().stored(box)});
  }
  const auto by_address = [](const BoxJob& a, const BoxJob& b) {
    return a.stored.address < b.stored.address;
  };
  if (!std::is_sorted(planned_.begin(), planned_.end(), by_address)) {
    std::sort(planned_.begin(), planned_.end(), by_address);
  }
}

bool Operation::begin_whole(std::function<void()> interrupt) {
  const std::lock_guard lock(mutex_);
  if (!may_begin() || all_begun_) return false;
  all_begun_ = true;
  ++runs_under_way_;
  interrupt_ = std::move(interrupt);
  return true;
}

std::shared_ptr<const SharedMemory> Operation::shared_memory() const {
  const std::lock_guard lock(mutex_);
  return hold_ ? hold_->memory().shared() : nullptr;
}

void Operation::set_result_bytes(std::uint64_t bytes) {
  if (!spec_->type->is_variable_length()) return;  // it is known
  result_bytes_ = bytes;
  if (bytes > out_.size()) {
    throw Error(ErrorCode::kResourceLimit,
                fmt::format("the elements take at least {} bytes, and there is room for {}", bytes,
                            out_.size()));
  }
  out_ = out_.first(bytes);
}

bool Operation::is_wanted() const {
  const std::lock_guard lock(mutex_);
  return !error_;
}

void Operation::end_run(const std::optional<Error>& error) {
  std::unique_lock lock(mutex_);
  if (error && !error_) {
    error_.emplace(error->code(), fmt::format("{}: {}", spec_->name(), error->what()));
  }
  --runs_under_way_;
  interrupt_ = nullptr;
  if (may_end()) end(std::move(lock));
}

void Operation::fail(const Error& error) {
  std::unique_lock lock(mutex_);
  if (state_ == State::kEnding || state_ == State::kDone) return;
  if (!error_) error_.emplace(error);
  if (interrupt_) interrupt_();
  if (state_ == State::kWaiting || may_end()) end(std::move(lock));
}

void Operation::cancel() {
  if (is_done()) return;
  fail(Error(ErrorCode::kCancelled, spec_->name() + ": the request was cancelled"));
}

bool Operation::may_end() const noexcept {
  return state_ == State::kUnderWay && runs_under_way_ == 0 && (all_begun_ || error_);
}

void Operation::let_go() noexcept {
  std::unique_lock lock(mutex_);
  is_let_go_ = true;
  const auto hold = state_ == State::kDone ? std::move(hold_) : nullptr;
  const bool is_done = state_ == State::kDone;
  lock.unlock();
  if (!is_done) cancel();
}

// The stage is given back first, if there is nothing in it: who sees the end may count on that.
void Operation::end(std::unique_lock<std::mutex> lock) {
  state_ = State::kEnding;
  auto hold = is_let_go_ || error_ ? std::move(hold_) : nullptr;
  auto on_done = std::move(on_done_);
  lock.unlock();
  hold.reset();
  lock.lock();
  state_ = State::kDone;
  if (is_let_go_) hold = std::move(hold_);
  lock.unlock();
  changed_.notify_all();
  if (on_done) on_done();
}

bool Operation::is_done() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kDone;
}

template <class Condition>
bool Operation::wait(const Deadline& deadline, Condition condition) const {
  std::unique_lock lock(mutex_);
  if (deadline) return changed_.wait_until(lock, *deadline, condition);
  changed_.wait(lock, condition);
  return true;
}

bool Operation::wait_until_started(const Deadline& deadline) const {
  return wait(deadline, [&] { return state_ != State::kWaiting; });
}

bool Operation::wait_until_done(const Deadline& deadline) const {
  return wait(deadline, [&] { return state_ == State::kDone; });
}

void Operation::throw_error() const {
  const std::lock_guard lock(mutex_);
  if (error_) throw Error(*error_);
}

}  // namespace h5flume
