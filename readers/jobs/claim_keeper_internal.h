#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "storage/persistent/progress_tracker.h"

namespace h5flume::jobs {

/// Renews claims for as long as they are worked on, every third of their lease, on a thread of its
/// own.
///
/// Lifetime: the tracker outlives it, and it those who hold claims. Threads: hold() by any at once.
class ClaimKeeper {
 public:
  ClaimKeeper(ProgressTracker& tracker, std::chrono::milliseconds lease);
  ClaimKeeper(const ClaimKeeper&) = delete;
  ClaimKeeper& operator=(const ClaimKeeper&) = delete;
  ~ClaimKeeper();

  /// Has a claim renewed while it exists.
  class [[nodiscard]] Hold {
   public:
    Hold(ClaimKeeper& keeper, const Claim& claim);
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold();

   private:
    ClaimKeeper& keeper_;
    std::list<Claim>::iterator place_;
  };

 private:
  void renew_until_end();

  ProgressTracker& tracker_;
  std::chrono::milliseconds lease_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Claim> held_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace h5flume::jobs
