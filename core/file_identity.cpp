#include "core/file_identity.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/error.h"

namespace h5flume {
namespace {

FileIdentity identity_from(const struct stat& status) {
  return {
      .device = status.st_dev,
      .inode = status.st_ino,
      .size_bytes = static_cast<std::uint64_t>(status.st_size),
      .modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace

FileIdentity identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw_system_error("stat " + path, errno);
  return identity_from(status);
}

FileIdentity identity_of(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_system_error("fstat", errno);
  return identity_from(status);
}

void throw_if_changed(const std::string& path, const FileIdentity& was, const FileIdentity& is) {
  if (was == is) return;
  throw Error(ErrorCode::kSourceChanged,
              fmt::format("{} changed while it was being read: was {} bytes, is {} bytes{}", path,
                          was.size_bytes, is.size_bytes,
                          was.size_bytes == is.size_bytes ? ", rewritten" : ""));
}

}  // namespace h5flume
