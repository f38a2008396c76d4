#include "tests/support/child_role.h"

#include <signal.h>
#include <sys/wait.h>

#include <map>

#include "core/test_point.h"

namespace h5flume::test {
namespace {

constexpr std::string_view kPrefix = "--child=";

std::map<std::string, Role>& roles() {
  static std::map<std::string, Role> registered;
  return registered;
}

struct ParkingPlace {
  std::string point;
  std::optional<std::uint64_t> ticket;
};

ParkingPlace& parking_place() {
  static ParkingPlace place;
  return place;
}

}  // namespace

ChildRole::ChildRole(const std::string& name, Role role) { roles()[name] = role; }

std::optional<int> run_child_role(int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  const std::string first = argv[1];
  if (first.rfind(kPrefix, 0) != 0) return std::nullopt;
  return roles().at(first.substr(kPrefix.size()))({argv + 2, argv + argc});
}

ChildProcess start_child(const std::string& role, const std::vector<std::string>& arguments,
                         const std::vector<int>& descriptors) {
  std::vector<std::string> all{std::string(kPrefix) + role};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return ChildProcess::spawn({.path = "/proc/self/exe",
                              .arguments = all,
                              .unset_environment = {},
                              .descriptors = descriptors});
}

void park_at(const std::string& point, std::optional<std::uint64_t> ticket) {
  parking_place() = {point, ticket};
  test_point_hook = [](const char* name, std::uint64_t at_ticket) {
    const ParkingPlace& place = parking_place();
    if (place.point == name && (!place.ticket || *place.ticket == at_ticket)) ::raise(SIGSTOP);
  };
}

bool wait_until_parked(int pid) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    return false;
  }
  return info.si_code == CLD_STOPPED;
}

}  // namespace h5flume::test
