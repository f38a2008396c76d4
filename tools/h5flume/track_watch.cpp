#include "tools/h5flume/track_watch.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tools/h5flume/progress_bar.h"

namespace h5flume::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{500};

// Waits in which a signal is noticed at once.
class Pauses {
 public:
  explicit Pauses(SignalWatch& signals) : signals_(signals), wake_(signals, [this] { wake(); }) {}

  void pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, time, [this] { return awake_; });
    lock.unlock();
    signals_.check();
  }

 private:
  void wake() {
    const std::lock_guard lock(mutex_);
    awake_ = true;
    woken_.notify_all();
  }

  SignalWatch& signals_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = false;
  SignalWatch::Action wake_;  // last, so that nothing it uses goes before it
};

// What will not be done unless somebody sees to it, and who is at work.
std::string note(const TrackerStatus& status) {
  std::string text = fmt::format("{} at work", status.leased);
  if (status.exhausted > 0) text += fmt::format(", {} failed", status.exhausted);
  if (status.aborted > 0) text += fmt::format(", {} aborted", status.aborted);
  return text;
}

}  // namespace

void watch_tracker(const ProgressTracker& tracker, Context& context) {
  Pauses pauses(context.signals);
  auto status = tracker.status();
  ProgressBar bar(tracker.address(), status.total, ProgressBar::Unit::kTasks);
  bar.start_at(status.done);
  for (; status.todo > 0 || status.leased > 0; status = tracker.status()) {
    bar.set_total(status.total);
    bar.set_note(note(status));
    bar.update(status.done);
    pauses.pause(kBetweenLooks);
  }
}

}  // namespace h5flume::cli
