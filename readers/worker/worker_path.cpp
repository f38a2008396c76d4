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

// A program of ours that the caller names, or `variable` does, or that lies where it is installed.
std::string find_program(const std::string& name, const std::string& option, const char* variable,
                         const std::string& advice) {
  std::vector<fs::path> places;
  const char* named = std::getenv(variable);
  if (!option.empty()) {
    places.emplace_back(option);
  } else if (named && *named) {
    places.emplace_back(named);
  } else {
    for (const fs::path& folder : {library_folder(), program_folder()}) {
      if (folder.empty()) continue;
      places.push_back(folder / name);
      places.push_back(folder / ".." / "libexec" / "h5flume" / name);
      places.push_back(folder / ".." / "bin" / name);
    }
    places.emplace_back(fs::path(H5FLUME_INSTALLED_PROGRAMS) / name);
  }
  std::vector<std::string> tried;
  for (const fs::path& place : places) {
    if (is_program(place)) return place.string();
    tried.push_back(place.string());
  }
  throw Error(ErrorCode::kNotFound, fmt::format("find the program {}: not at {}; name it by {}",
                                                name, fmt::join(tried, ", "), advice));
}

}  // namespace

std::string find_worker(const std::string& option) {
  return find_program("h5flume-worker", option, "H5FLUME_WORKER",
                      "the option worker_path or the environment variable H5FLUME_WORKER");
}

std::string find_launcher() {
  return find_program("h5flume-launcher", {}, "H5FLUME_LAUNCHER",
                      "the environment variable H5FLUME_LAUNCHER");
}

}  // namespace h5flume
