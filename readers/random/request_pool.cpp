#include "readers/random/request_pool.h"

#include <utility>

namespace h5flume {

void RequestPool::add(Future future) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) throw Error(ErrorCode::kCancelled, "add to a request pool: it is closed");
    futures_.push_back(std::move(future));
  }
  changed_.notify_one();
}

std::optional<Future> RequestPool::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ || !futures_.empty(); });
  return take_front();
}

std::optional<Future> RequestPool::next_for(std::chrono::nanoseconds limit) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [&] { return closed_ || !futures_.empty(); })) {
    throw Error(ErrorCode::kTimeout, "take from a request pool: nothing was added in time");
  }
  return take_front();
}

std::optional<Future> RequestPool::take_front() {
  if (futures_.empty()) return std::nullopt;
  std::optional<Future> front(std::move(futures_.front()));
  futures_.pop_front();
  return front;
}

void RequestPool::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::size_t RequestPool::size() const {
  const std::lock_guard lock(mutex_);
  return futures_.size();
}

}  // namespace h5flume
