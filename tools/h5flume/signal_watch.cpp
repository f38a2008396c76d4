#include "tools/h5flume/signal_watch.h"

#include <pthread.h>
#include <unistd.h>

#include <string_view>
#include <utility>

namespace h5flume::cli {
namespace {

[[noreturn]] void end_now(int signal) {
  constexpr std::string_view kMessage = "h5flume: interrupted\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(128 + signal);
}

}  // namespace

SignalWatch::SignalWatch() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  ending_.store(true, std::memory_order_release);  // pairs with the load in watch()
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalWatch::watch() {
  int signal = 0;
  while (sigwait(&signals_, &signal) == 0) {
    if (ending_.load(std::memory_order_acquire)) return;
    handle(signal);
  }
}

void SignalWatch::handle(int signal) {
  if (received() != 0) end_now(signal);
  const std::lock_guard lock(mutex_);
  if (!action_) end_now(signal);
  received_.store(signal, std::memory_order_release);
  action_();
}

SignalWatch::Action::Action(SignalWatch& watch, std::function<void()> action) : watch_(watch) {
  const std::lock_guard lock(watch_.mutex_);
  watch_.action_ = std::move(action);
}

SignalWatch::Action::~Action() {
  const std::lock_guard lock(watch_.mutex_);
  watch_.action_ = nullptr;
}

}  // namespace h5flume::cli
