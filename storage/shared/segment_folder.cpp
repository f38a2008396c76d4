#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>

#include "core/error.h"
#include "core/shared_memory.h"
#include "storage/shared/segment_folder_internal.h"

namespace h5flume::shared {
namespace {

constexpr std::string_view kSuffix = ".h5dict";
constexpr std::size_t kLongestName = 100;

// From here on it is worth asking first whether the machine has so much: the kernel's answer to
// what it cannot give may be to kill someone.
constexpr std::size_t kLarge = std::size_t{16} << 20U;

bool is_dict_name(std::string_view name) {
  const auto allowed = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '-' ||
           character == '.';
  };
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), allowed) &&
         name.find(kSuffix) == std::string_view::npos;
}

std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string SegmentName::file() const {
  switch (kind) {
    case Kind::kControl:
      return fmt::format("{}{}", dict, kSuffix);
    case Kind::kGone:
      return fmt::format("{}{}.{:016x}.gone", dict, kSuffix, id);
    case Kind::kGeneration:
      break;
  }
  return fmt::format("{}{}.{:016x}.{}", dict, kSuffix, id, generation);
}

std::optional<SegmentName> SegmentName::parse(std::string_view file) {
  const auto suffix = file.find(kSuffix);
  if (suffix == std::string_view::npos || !is_dict_name(file.substr(0, suffix))) {
    return std::nullopt;
  }
  SegmentName name{.dict = std::string(file.substr(0, suffix))};
  const auto rest = file.substr(suffix + kSuffix.size());
  if (rest.size() > 18 && rest[0] == '.' && rest[17] == '.') {
    const auto id = whole_number(rest.substr(1, 16), 16);
    if (!id) return std::nullopt;
    name.id = *id;
    if (const auto generation = whole_number(rest.substr(18), 10)) {
      name.kind = Kind::kGeneration;
      name.generation = *generation;
    } else {
      name.kind = Kind::kGone;
    }
  }
  // Only what file() writes: no other spelling of a number, and nothing behind it.
  if (name.file() != file) return std::nullopt;
  return name;
}

void check_dict_name(std::string_view name) {
  if (is_dict_name(name)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("shared dict '{}': a name is 1 to {} letters, digits, '_', '-' and '.', "
                          "does not begin with '.' and has no '{}' in it",
                          name, kLongestName, kSuffix));
}

SegmentFolder::SegmentFolder(const std::string& path)
    : path_(path), folder_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_) throw_system_error("open the folder of shared dicts " + path, errno);
}

FileDescriptor SegmentFolder::make(std::size_t size_bytes, unsigned permissions,
                                   const std::string& operation) const {
  const auto too_large = [&](std::string_view cause) {
    throw Error(ErrorCode::kOutOfMemory, fmt::format("{}: allocate {} bytes in {}: {}", operation,
                                                     size_bytes, path_, cause));
  };
  if (size_bytes >= kLarge && size_bytes > available_memory_bytes()) {
    too_large("the machine has not so much left");
  }
  FileDescriptor file(::openat(folder_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, permissions));
  if (!file) {
    if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}: the file system of {} has no nameless files; use one in memory, "
                              "such as /dev/shm",
                              operation, path_));
    }
    throw_system_error(fmt::format("{}: make a file in {}", operation, path_), errno);
  }
  // The mask of the process would take permissions away that others were promised.
  if (::fchmod(file.get(), permissions) != 0) throw_system_error(operation, errno);
  int failure = 0;
  do {
    failure = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size_bytes));
  } while (failure == EINTR);
  if (failure == ENOSPC || failure == ENOMEM || failure == EFBIG || failure == EDQUOT) {
    too_large("it is full");
  }
  if (failure != 0) throw_system_error(operation, failure);
  return file;
}

bool SegmentFolder::link(int descriptor, const std::string& file,
                         const std::string& operation) const {
  const auto nameless = fmt::format("/proc/self/fd/{}", descriptor);
  if (::linkat(AT_FDCWD, nameless.c_str(), folder_.get(), file.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return true;
  }
  if (errno != EEXIST) {
    throw_system_error(fmt::format("{}: make {}/{}", operation, path_, file), errno);
  }
  return false;
}

FileDescriptor SegmentFolder::open(const std::string& file, unsigned permissions,
                                   const std::string& operation) const {
  // Not blocked by a named pipe, nor led elsewhere by a link.
  FileDescriptor found(
      ::openat(folder_.get(), file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  const auto refuse = [&](ErrorCode code, std::string_view cause) {
    throw Error(code, fmt::format("{}: {}/{} {}", operation, path_, file, cause));
  };
  if (!found) {
    if (errno == ENOENT) return found;
    if (errno == EACCES || errno == EPERM) refuse(ErrorCode::kRefused, "is not for this user");
    if (errno == ELOOP || errno == EISDIR || errno == ENXIO) {
      refuse(ErrorCode::kCorruptData, "is no plain file");
    }
    throw_system_error(fmt::format("{}: open {}/{}", operation, path_, file), errno);
  }
  struct stat status {};
  if (::fstat(found.get(), &status) != 0) throw_system_error(operation, errno);
  if (!S_ISREG(status.st_mode)) refuse(ErrorCode::kCorruptData, "is no plain file");
  constexpr unsigned kOthersMayWrite = S_IWGRP | S_IWOTH;
  if (status.st_uid != ::geteuid() && (permissions & kOthersMayWrite) == 0) {
    refuse(ErrorCode::kRefused, "belongs to another user");
  }
  if ((status.st_mode & kOthersMayWrite & ~permissions) != 0) {
    refuse(ErrorCode::kRefused, "may be written by other users");
  }
  return found;
}

bool SegmentFolder::is_named(const std::string& file, int descriptor) const noexcept {
  struct stat named {};
  struct stat opened {};
  return ::fstatat(folder_.get(), file.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(descriptor, &opened) == 0 && named.st_dev == opened.st_dev &&
         named.st_ino == opened.st_ino;
}

bool SegmentFolder::rename(const std::string& from, const std::string& to) const noexcept {
  return ::renameat(folder_.get(), from.c_str(), folder_.get(), to.c_str()) == 0;
}

bool SegmentFolder::remove(const std::string& file) const noexcept {
  return ::unlinkat(folder_.get(), file.c_str(), 0) == 0;
}

std::vector<std::string> SegmentFolder::files() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), ::closedir);
  if (!folder) throw_system_error("list the folder of shared dicts " + path_, errno);
  std::vector<std::string> found;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (SegmentName::parse(entry->d_name)) found.emplace_back(entry->d_name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::size_t size_of_file(int descriptor, const std::string& operation) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_system_error(operation, errno);
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace h5flume::shared
