#include <vector>

#include "core/error.h"
#include "readers/jobs/claim_keeper_internal.h"

namespace h5flume::jobs {

ClaimKeeper::ClaimKeeper(ProgressTracker& tracker, std::chrono::milliseconds lease)
    : tracker_(tracker), lease_(lease), thread_([this] { renew_until_end(); }) {}

ClaimKeeper::~ClaimKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

ClaimKeeper::Hold::Hold(ClaimKeeper& keeper, const Claim& claim) : keeper_(keeper) {
  const std::lock_guard lock(keeper_.mutex_);
  place_ = keeper_.held_.insert(keeper_.held_.end(), claim);
}

ClaimKeeper::Hold::~Hold() {
  const std::lock_guard lock(keeper_.mutex_);
  keeper_.held_.erase(place_);
}

void ClaimKeeper::renew_until_end() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, lease_ / 3, [this] { return ending_; })) {
    if (held_.empty()) continue;
    const std::vector<Claim> held(held_.begin(), held_.end());
    lock.unlock();
    try {
      tracker_.renew(held, lease_);
    } catch (const Error&) {
      // Some have been settled meanwhile, or are lost: their workers learn it when they settle
      // them, and so they do where the tracker does not answer.
    }
    lock.lock();
  }
}

}  // namespace h5flume::jobs
