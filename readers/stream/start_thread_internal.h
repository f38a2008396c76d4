#pragma once

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <thread>
#include <utility>

#include "core/error.h"

namespace h5flume {

// Starts a thread with all signals blocked, so that the program's signal handlers run on the
// program's own threads. Throws kResourceLimit if there are too many threads.
template <class Work>
std::thread start_thread(Work work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  int failure = 0;
  try {
    thread = std::thread(std::move(work));
  } catch (const std::system_error& error) {
    failure = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!thread.joinable()) throw_system_error("start a thread", failure);
  return thread;
}

}  // namespace h5flume
