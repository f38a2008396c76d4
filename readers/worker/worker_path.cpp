#include "readers/worker/worker_path.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/error.h"

namespace h5flume {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "h5flume-worker";

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

// The folder of the file this very function was loaded from: the shared library, or the program.
fs::path library_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&find_worker), &info) == 0 || !info.dli_fname) {
    return {};
  }
  std::error_code ignored;
  return fs::canonical(info.dli_fname, ignored).parent_path();
}

fs::path program_folder() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace

std::string find_worker(const std::string& option) {
  std::vector<fs::path> places;
  const char* variable = std::getenv("H5FLUME_WORKER");
  if (!option.empty()) {
    places.emplace_back(option);
  } else if (variable && *variable) {
    places.emplace_back(variable);
  } else {
    for (const fs::path& folder : {library_folder(), program_folder()}) {
      if (folder.empty()) continue;
      places.push_back(folder / kName);
      places.push_back(folder / ".." / "libexec" / "h5flume" / kName);
      places.push_back(folder / ".." / "bin" / kName);
    }
    places.emplace_back(H5FLUME_INSTALLED_WORKER);
  }
  std::vector<std::string> tried;
  for (const fs::path& place : places) {
    if (is_program(place)) return place.string();
    tried.push_back(place.string());
  }
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("find the worker program {}: not at {}; name it by the option worker_path "
                  "or the environment variable H5FLUME_WORKER",
                  kName, fmt::join(tried, ", ")));
}

}  // namespace h5flume
