#include <algorithm>
#include <bit>
#include <new>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/saturating.h"
#include "readers/random/future.h"
#include "readers/random/library_requests_internal.h"
#include "readers/stream/start_thread_internal.h"

namespace h5flume {
namespace {

// Of elements of variable length, for a first try.
constexpr std::size_t kMostLikely = 32 << 20;

// Stages for read_into() and read(): no smaller, so that one serves many, and larger ones are not
// kept.
constexpr std::size_t kSmallestStage = 64 << 10;
constexpr std::size_t kLargestKept = 16 << 20;

std::size_t likely_bytes(const RequestSpec& spec, std::uint64_t mean_value_bytes) noexcept {
  const std::uint64_t values = saturating_product(spec.resolved.element_count, mean_value_bytes);
  return saturating_sum(spec.least_bytes(), std::min(values, kMostLikely));
}

std::optional<Error> serve_with(SelectionServer& server, Operation& operation,
                                WakeUp& interrupted) noexcept {
  try {
    const std::uint64_t bytes = server.serve(operation, interrupted);
    if (operation.is_wanted()) operation.set_result_bytes(bytes);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kOutOfMemory, "there is no memory left");
  } catch (const std::exception& error) {
    return Error(ErrorCode::kIo, error.what());
  }
}

}  // namespace

LibraryRequests::LibraryRequests(LibrarySource source) : source_(std::move(source)) {}

StageMemory::Kind LibraryRequests::stage_kind() const noexcept {
  return source_.uses_processes() ? StageMemory::Kind::kShared : StageMemory::Kind::kProcess;
}

void LibraryRequests::put(const std::shared_ptr<Operation>& operation) {
  if (operation->is_done()) return;
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return;
    if (queue_.size() >= idle_ && servers_.size() < source_.workers) add_server();
    queue_.push_back(operation);
  }
  changed_.notify_one();
}

// Without another thread the others have to do; without any, this throws.
void LibraryRequests::add_server() {
  Server& server = servers_.emplace_back();
  try {
    server.thread = start_thread([this, &server] { serve(server.interrupted); });
  } catch (const Error&) {
    servers_.pop_back();
    if (servers_.empty()) throw;
  }
}

void LibraryRequests::serve(WakeUp& interrupted) noexcept {
  const auto server = make_selection_server(source_);
  while (const auto operation = next()) {
    if (!operation->begin_whole([&] { interrupted.ring(); })) continue;
    operation->end_run(serve_with(*server, *operation, interrupted));
  }
}

std::shared_ptr<Operation> LibraryRequests::next() {
  std::unique_lock lock(mutex_);
  ++idle_;
  changed_.wait(lock, [&] { return is_closed_ || !queue_.empty(); });
  --idle_;
  if (is_closed_) return nullptr;
  auto operation = std::move(queue_.front());
  queue_.pop_front();
  return operation;
}

void LibraryRequests::close(bool wait) noexcept {
  std::deque<std::shared_ptr<Operation>> left;
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    left.swap(queue_);
  }
  changed_.notify_all();
  if (!wait) return;
  const std::lock_guard lock(closing_);
  for (Server& server : servers_) {  // no more are added
    if (server.thread.joinable()) server.thread.join();
  }
}

void LibraryRequests::read_into(const std::shared_ptr<const RequestSpec>& spec,
                                std::span<std::byte> out) {
  auto stage = take_stage(out.size());
  const auto operation = std::make_shared<Operation>(spec, Operation::Purpose::kDeliver, nullptr);
  Future future(operation);
  stage->start_in_turn(operation);
  future.get_into(out);
  keep_stage(std::move(stage));
}

// Tries again with more room until the elements fit.
Array LibraryRequests::read(const std::shared_ptr<const RequestSpec>& spec) {
  for (std::size_t room = likely_bytes(*spec, info().mean_value_bytes_at_most);;) {
    auto stage = take_stage(room);
    const auto operation = std::make_shared<Operation>(spec, Operation::Purpose::kDeliver, nullptr);
    Future future(operation);
    stage->start_in_turn(operation);
    future.wait();
    const std::size_t had = stage->memory().bytes().size();
    if (operation->result_bytes() <= had) {
      auto array = future.get();
      keep_stage(std::move(stage));
      return array;
    }
    room = std::max<std::size_t>(operation->result_bytes(), 2 * had);
  }
}

std::shared_ptr<StageState> LibraryRequests::take_stage(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto fits = [&](const auto& stage) { return stage->memory().bytes().size() >= bytes; };
    const auto found = std::find_if(stages_.begin(), stages_.end(), fits);
    if (found != stages_.end()) {
      auto stage = std::move(*found);
      stages_.erase(found);
      return stage;
    }
  }
  const std::size_t rounded =
      bytes > kLargestKept ? bytes : std::bit_ceil(std::max(bytes, kSmallestStage));
  return std::make_shared<StageState>(StageMemory(stage_kind(), rounded));
}

// Of those that are too many the smallest go.
void LibraryRequests::keep_stage(std::shared_ptr<StageState> stage) {
  if (stage->memory().bytes().size() > kLargestKept) return;
  const std::lock_guard lock(mutex_);
  stages_.push_back(std::move(stage));
  std::sort(stages_.begin(), stages_.end(), [](const auto& a, const auto& b) {
    return a->memory().bytes().size() < b->memory().bytes().size();
  });
  if (stages_.size() > source_.workers) stages_.erase(stages_.begin());
}

}  // namespace h5flume
