// The worker program, with accidents on order. The environment variable H5FLUME_TEST_ACCIDENT names
// one: "POINT TICKET ACTION [MARKER]". At that test point and block the worker does
//
//   crash   dies of a segmentation fault        stop   stops itself, until it is killed
//   die     is killed by SIGKILL                hang   computes for ever
//   bloat   takes all the memory that it gets
//
// every time, or, with a MARKER, only once: whoever manages to create that file.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "core/test_point.h"
#include "readers/worker/worker_program.h"

namespace {

struct Accident {
  std::string point;
  std::uint64_t ticket = 0;
  std::string action;
  std::string marker;
};

Accident accident;

void meet(const char* name, std::uint64_t ticket) {
  if (accident.point != name || accident.ticket != ticket) return;
  if (!accident.marker.empty()) {
    const int fd = ::open(accident.marker.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return;
    ::close(fd);
  }
  if (accident.action == "crash") {
    ::signal(SIGSEGV, SIG_DFL);  // sanitizers have a handler of their own
    sigset_t blocked;            // which it is on threads that were started for blocks
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGSEGV);
    ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
    ::raise(SIGSEGV);
  }
  if (accident.action == "die") ::raise(SIGKILL);
  if (accident.action == "stop") ::raise(SIGSTOP);
  if (accident.action == "bloat") {
    for (std::vector<std::string> taken;;) taken.emplace_back(std::size_t{1} << 20, 'x');
  }
  if (accident.action == "hang") {
    for (std::atomic<bool> forever{true}; forever;) {
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* order = std::getenv("H5FLUME_TEST_ACCIDENT")) {
    std::istringstream(order) >> accident.point >> accident.ticket >> accident.action >>
        accident.marker;
    h5flume::test_point_hook = meet;
  }
  return h5flume::worker_program(argc, argv);
}
