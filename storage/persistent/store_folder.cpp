#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "core/error.h"
#include "storage/persistent/store_folder_internal.h"

namespace h5flume::persistent {
namespace {

struct NetworkFileSystem {
  std::uint64_t type;
  std::string_view name;
};

constexpr std::array<NetworkFileSystem, 12> kNetworkFileSystems{{
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x564c, "NCP"},
    {0x5346414f, "AFS"},
    {0x73757245, "Coda"},
    {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0x01021997, "9P"},
}};

bool has(const std::string& folder, const std::string& file) {
  return ::access((folder + "/" + file).c_str(), F_OK) == 0;
}

// A store is known by its database, and by the gate, which is there before it.
void check_kind(const std::string& path, Access access, const std::string& kind,
                const std::string& operation) {
  const std::string other = kind == "dict" ? "tracker" : "dict";
  if (has(path, other + ".sqlite")) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: it is a {}", operation, other));
  }
  if (access == Access::kCreate || has(path, "gate")) return;
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: there is no {} in that folder", operation, kind));
}

}  // namespace

std::string network_file_system(std::uint64_t type) {
  const auto* const found =
      std::find_if(kNetworkFileSystems.begin(), kNetworkFileSystems.end(),
                   [type](const NetworkFileSystem& known) { return known.type == type; });
  return found == kNetworkFileSystems.end() ? std::string() : std::string(found->name);
}

void open_store_folder(const std::string& path, Access access, const std::string& kind) {
  const std::string operation = fmt::format("open {} {}", kind, path);
  if (access == Access::kCreate && ::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    throw_system_error(operation, errno);
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw_system_error(operation, errno);
  if (!S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: it is a file, and a {} is a folder", operation, kind));
  }
  check_kind(path, access, kind, operation);
  struct statfs system {};
  if (::statfs(path.c_str(), &system) != 0) throw_system_error(operation, errno);
  // Some systems give the number with its sign.
  const auto name = network_file_system(static_cast<std::uint32_t>(system.f_type));
  if (!name.empty()) {
    throw Error(ErrorCode::kRefused,
                fmt::format("{}: it is on a network file system ({}), whose locks cannot be relied "
                            "on; keep it on a local disk",
                            operation, name));
  }
}

}  // namespace h5flume::persistent
