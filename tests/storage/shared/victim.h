#pragma once

#include <string>
#include <vector>

#include "storage/shared/shared_dict.h"

// One operation on a dict, during which a process dies, and what the dict may be afterwards.
namespace h5flume::test {

constexpr std::size_t kVictimBuffer = 512;

// "set", "erase", ... and with "-dump" behind it so that the stream has no room for it.
std::vector<std::string> operations();

void perform(SharedDict& dict, const std::string& operation);

struct Expected {
  Json before;
  Json after;
};

// Fills the dict; what it then is, and is after the operation.
Expected prepare(SharedDict& dict, const std::string& operation);

enum class Seen {
  kBefore,  // only looked at: whoever is in the operation is alive
  kAfter,   // written to also
};

// What is wrong with the dict, or with the folder, after a death; empty if nothing is. `dict` is a
// handle that was attached before.
std::string wrong_after(const Expected& expected, SharedDict& dict, const std::string& folder,
                        Seen seen);

}  // namespace h5flume::test
