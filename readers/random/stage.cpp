#include "readers/random/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "readers/random/open_dataset_internal.h"
#include "readers/random/stage_state_internal.h"

namespace h5flume {

StageMemory::StageMemory(Kind kind, std::size_t bytes) {
  if (kind == Kind::kShared) {
    shared_ = std::make_shared<SharedMemory>(
        SharedMemory::create("h5flume-stage", std::max<std::size_t>(1, bytes)));
    bytes_ = shared_->bytes().first(bytes);
    return;
  }
  try {
    own_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("make a stage of {} bytes: there is not so much memory", bytes));
  }
  bytes_ = {own_.get(), bytes};
}

StageHold::~StageHold() { stage_->give_back(); }

const StageMemory& StageHold::memory() const noexcept { return stage_->memory(); }

void StageState::start_in_turn(const std::shared_ptr<Operation>& operation) {
  bool waits = true;
  {
    const std::lock_guard lock(mutex_);
    if (is_held_) {
      waiting_.push_back(operation);
    } else {
      is_held_ = true;
      waits = false;
    }
  }
  if (waits) return operation->spec().dataset->engine().remember(operation);
  start(operation, std::make_unique<StageHold>(shared_from_this()));
}

void StageState::start(const std::shared_ptr<Operation>& operation,
                       std::unique_ptr<StageHold> hold) {
  const auto out = operation->spec().room_in(memory_.bytes());
  if (operation->start(out, std::move(hold))) operation->spec().dataset->start(operation);
}

void StageState::give_back() noexcept {
  if (const auto pool = pool_.lock()) return pool->give_back(shared_from_this());
  std::shared_ptr<Operation> next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      is_held_ = false;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  try {
    start(next, std::make_unique<StageHold>(shared_from_this()));
  } catch (const std::exception& error) {
    next->fail({ErrorCode::kOutOfMemory, next->spec().name() + ": " + error.what()});
  }
}

std::shared_ptr<StagePoolState> StagePoolState::make(StageMemory::Kind kind, std::size_t bytes,
                                                     std::size_t count) {
  auto pool = std::make_shared<StagePoolState>();
  for (std::size_t i = 0; i < count; ++i) {
    pool->stages_.push_back(std::make_shared<StageState>(StageMemory(kind, bytes), pool));
  }
  pool->free_.assign(pool->stages_.begin(), pool->stages_.end());
  return pool;
}

std::size_t StagePoolState::free_stages() const {
  const std::lock_guard lock(mutex_);
  return free_.size();
}

std::shared_ptr<StageState> StagePoolState::take(const Deadline& deadline,
                                                 const std::function<bool()>& is_pointless) {
  std::unique_lock lock(mutex_);
  const auto may_return = [&] { return !free_.empty() || is_pointless(); };
  if (deadline) {
    freed_.wait_until(lock, *deadline, may_return);
  } else {
    freed_.wait(lock, may_return);
  }
  if (free_.empty()) return nullptr;
  auto stage = std::move(free_.front());
  free_.pop_front();
  return stage;
}

void StagePoolState::wake_all() noexcept {
  { const std::lock_guard lock(mutex_); }  // whoever has just asked is_pointless sleeps by now
  freed_.notify_all();
}

// There is room: no more are given back than were taken.
void StagePoolState::give_back(std::shared_ptr<StageState> stage) noexcept {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(stage));
  }
  freed_.notify_one();
}

std::size_t Stage::bytes() const noexcept { return state_->memory().bytes().size(); }

std::size_t StagePool::bytes() const noexcept { return state_->front()->memory().bytes().size(); }
std::size_t StagePool::size() const noexcept { return state_->size(); }
std::size_t StagePool::free_stages() const { return state_->free_stages(); }

}  // namespace h5flume
