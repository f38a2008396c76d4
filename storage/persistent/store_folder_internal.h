#pragma once

#include <cstdint>
#include <string>

namespace h5flume::persistent {

/// What a store may do with the folder that it is kept in.
enum class Access { kCreate, kReadWrite, kReadOnly };

/// The folder of a dict or a tracker, made if it is not there and `access` allows that. `kind` is
/// "dict" or "tracker".
///
/// Throws kNotFound if it is not there, or has no store in it, and none is to be made;
/// kInvalidArgument if it is a file, or has a store of the other kind in it; kRefused on a network
/// file system, whose locks and shared memory cannot be relied on.
void open_store_folder(const std::string& path, Access access, const std::string& kind);

/// The network file system that a type number of statfs() stands for; empty for any other. The
/// numbers are those of the manual page statfs(2) and of the kernel's linux/magic.h.
std::string network_file_system(std::uint64_t type);

}  // namespace h5flume::persistent
