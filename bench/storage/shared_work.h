#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/shared/shared_dict.h"

// What is done to a shared dict while it is timed, by this process or by several others.
namespace h5flume::bench {

constexpr std::size_t kKeys = 10'000;

// A folder in memory with a dict of kKeys entries, "key0": 0 and so on, and a counter.
class SharedBenchDict {
 public:
  SharedBenchDict();
  SharedBenchDict(const SharedBenchDict&) = delete;
  SharedBenchDict& operator=(const SharedBenchDict&) = delete;
  ~SharedBenchDict();

  SharedDict attach() const;
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  std::optional<SharedDict> dict_;
};

// "key0", "key1" and so on, and a random order of them, so that neither is made while it is timed.
class Keys {
 public:
  Keys();
  const std::string& hot() const { return names_[17]; }
  const std::string& next() { return names_[order_[turn_++ % kTurns]]; }
  const std::vector<std::string>& all() const { return names_; }

 private:
  static constexpr std::size_t kTurns = 65'536;  // dividing by it takes no time

  std::vector<std::string> names_;
  std::vector<std::uint16_t> order_;
  std::size_t turn_ = 0;
};

enum class Work { kReadHot, kReadRandom, kWriteHot, kWrite, kCount };

// Has so many processes do `operations` of a work each, all beginning at once. Returns the seconds
// from the first one's beginning to the last one's end.
double run_processes(const SharedBenchDict& dict, Work work, int processes,
                     std::uint64_t operations);

// For main(): does the work if this process was started for it, else gives nothing.
std::optional<int> run_as_worker(int argc, char** argv);

}  // namespace h5flume::bench
