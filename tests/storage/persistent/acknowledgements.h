#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "core/file_descriptor.h"

namespace h5flume::test {

// What a process that will be killed has got answers for: numbers in a file of their own, one a
// line. What is written there survives the writer's death.
class Acknowledgements {
 public:
  explicit Acknowledgements(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}

  // False if it could not be written.
  bool add(std::int64_t number) const {
    const auto line = std::to_string(number) + "\n";
    return ::write(file_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  }

 private:
  FileDescriptor file_;
};

// How many there are, and the last.
struct Acknowledged {
  std::int64_t count = 0;
  std::int64_t last = 0;
};

inline Acknowledged acknowledged_in(const std::string& path) {
  Acknowledged found;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (file.eof()) break;  // not whole
    ++found.count;
    found.last = std::stoll(line);
  }
  return found;
}

// How long a kill test goes on: H5FLUME_TEST_SECONDS, or a little while.
inline double seconds_of_killing() {
  const char* const seconds = std::getenv("H5FLUME_TEST_SECONDS");
  return seconds ? std::atof(seconds) : 1.5;
}

}  // namespace h5flume::test
