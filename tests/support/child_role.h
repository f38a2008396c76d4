#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/process.h"

// Kill tests run parts of themselves in child processes: the test binary, executed again, plays a
// role. A role is a function with a name; its process ends with its result.
namespace h5flume::test {

using Role = int (*)(const std::vector<std::string>& arguments);

// Registers a role; one static object for each.
struct ChildRole {
  ChildRole(const std::string& name, Role role);
};

// For main(): plays the role if this process was started to, else gives nothing.
std::optional<int> run_child_role(int argc, char** argv);

// Starts this program again to play a role; `descriptors` become its descriptors 3 and up.
ChildProcess start_child(const std::string& role, const std::vector<std::string>& arguments,
                         const std::vector<int>& descriptors = {});

// Stops this process when it meets a test point (see core/test_point.h), until it is killed or
// continued. With a ticket, only there.
void park_at(const std::string& point, std::optional<std::uint64_t> ticket = std::nullopt);

// Waits until a child has stopped itself. False if it ended instead.
bool wait_until_parked(int pid);

}  // namespace h5flume::test
