#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/shared/shared_dict.h"
#include "tests/support/catch.h"
#include "tests/support/error_of.h"

namespace h5flume::test {

// A folder in memory for the dicts of a test, removed afterwards. Its name is given to children.
struct SharedFixture {
  SharedFixture() {
    std::string made = "/dev/shm/h5flume-test-XXXXXX";
    if (!::mkdtemp(made.data())) throw std::runtime_error("no folder in /dev/shm");
    folder = made;
  }
  SharedFixture(const SharedFixture&) = delete;
  SharedFixture& operator=(const SharedFixture&) = delete;
  ~SharedFixture() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  SharedDictOptions options() const { return {.folder = folder}; }
  SharedDict create(SharedDictOptions options = {}, const std::string& name = "a") const {
    options.folder = folder;
    return SharedDict::create(name, options);
  }
  SharedDict attach(const std::string& name = "a") const {
    return SharedDict::attach(name, options());
  }

  // The names of the files in the folder, sorted.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      names.push_back(file.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::string folder;
};

// All entries as text, in order: "key=value key=value".
inline std::string text_of(const SharedDict& dict) {
  std::string text;
  for (const auto& [key, value] : dict.items()) {
    if (!text.empty()) text += ' ';
    text += key.name() + "=" + value.dump();
  }
  return text;
}

// The code of the error that a call throws, as it has to.
inline ErrorCode code_of(const std::function<void()>& call) { return error_of(call).code(); }

// How long the tests of random deaths run.
inline double seconds_of_killing(double usual) {
  const char* const seconds = std::getenv("H5FLUME_TEST_SECONDS");
  return seconds ? std::atof(seconds) : usual;
}

}  // namespace h5flume::test
