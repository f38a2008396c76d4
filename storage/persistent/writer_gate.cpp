#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "storage/persistent/writer_gate_internal.h"

namespace h5flume::persistent {
namespace {

using Clock = std::chrono::steady_clock;

int lock_file(int descriptor, int operation) {
  int result = 0;
  while ((result = ::flock(descriptor, operation)) != 0 && errno == EINTR) {
  }
  return result;
}

}  // namespace

WriterGate::WriterGate(const std::string& path, bool read_only)
    : path_(path),
      file_(::open(path.c_str(), O_CLOEXEC | (read_only ? O_RDONLY : O_RDWR | O_CREAT), 0666)) {
  if (!file_) throw_system_error("open " + path, errno);
}

void WriterGate::check_process() const {
  if (process_.was_forked()) {
    throw Error(
        ErrorCode::kRefused,
        fmt::format("use {}: this process is a fork of the one that opened it; open it here",
                    path_));
  }
}

bool WriterGate::take_file(const Deadline& deadline) {
  if (!deadline) {
    if (lock_file(file_.get(), LOCK_EX) != 0) throw_system_error("lock " + path_, errno);
    return true;
  }
  for (auto pause = std::chrono::microseconds(100);;) {
    if (lock_file(file_.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) throw_system_error("lock " + path_, errno);
    const auto now = Clock::now();
    if (now >= *deadline) return false;
    std::this_thread::sleep_until(std::min(*deadline, now + pause));
    pause = std::min(pause * 2, std::chrono::microseconds(5'000));
  }
}

// One thread of this process at a time; true at once for the one that is inside.
bool WriterGate::take_turn(const Deadline& deadline) {
  std::unique_lock lock(mutex_);
  const auto me = std::this_thread::get_id();
  const auto is_free = [&] { return depth_ == 0 || inside_ == me; };
  if (!deadline) {
    left_.wait(lock, is_free);
  } else if (!left_.wait_until(lock, *deadline, is_free)) {
    return false;
  }
  inside_ = me;
  ++depth_;
  return true;
}

WriterGate::Pass WriterGate::enter() { return *enter_by(std::nullopt); }

std::optional<WriterGate::Pass> WriterGate::enter_by(const Deadline& deadline) {
  check_process();
  if (!take_turn(deadline)) return std::nullopt;
  Pass pass(this);
  // Only this thread changes the depth now.
  if (depth_ == 1 && !take_file(deadline)) return std::nullopt;
  return pass;
}

bool WriterGate::is_taken() {
  check_process();
  const std::lock_guard lock(mutex_);
  if (depth_ > 0) return true;
  if (lock_file(file_.get(), LOCK_SH | LOCK_NB) != 0) return true;
  lock_file(file_.get(), LOCK_UN);
  return false;
}

// To give a lock back that was not taken does no harm.
void WriterGate::leave() noexcept {
  if (process_.was_forked()) return;  // it is the parent that is inside
  const std::lock_guard lock(mutex_);
  if (--depth_ > 0) return;
  lock_file(file_.get(), LOCK_UN);
  left_.notify_one();
}

void WriterGate::Pass::leave() noexcept {
  if (WriterGate* const gate = std::exchange(gate_, nullptr)) gate->leave();
}

}  // namespace h5flume::persistent
