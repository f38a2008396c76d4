#include "storage/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "storage/sync_folder.h"
#include "storage/write_fully.h"

namespace h5flume {
namespace {

// Where commit() has to rename to, so that a link at `path` goes on pointing to the file.
std::string behind_links(const std::string& path) {
  std::error_code unresolved;
  if (!std::filesystem::is_symlink(path, unresolved)) return path;
  const auto target = std::filesystem::canonical(path, unresolved);
  return unresolved ? path : target.string();
}

// Renaming over a device or a pipe would replace it; over a directory it fails, but only when all
// the work has been done.
void refuse_special_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      "write " + path + ": it is " + (S_ISDIR(status.st_mode) ? "a directory" : "no regular file"));
}

std::string next_temporary_name(const std::string& destination) {
  // Relaxed: only the uniqueness of the numbers matters.
  static std::atomic<unsigned> count{0};
  return destination + "." + std::to_string(::getpid()) + "-" +
         std::to_string(count.fetch_add(1, std::memory_order_relaxed)) + ".tmp";
}

}  // namespace

AtomicFile::AtomicFile(const std::string& destination) : destination_(behind_links(destination)) {
  refuse_special_file(destination_);
  do {
    temporary_ = next_temporary_name(destination_);
    file_ = FileDescriptor(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (!file_ && (errno == EEXIST || errno == EINTR));
  if (!file_) {
    temporary_.clear();
    throw_system_error("create " + destination_, errno);
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : destination_(std::move(other.destination_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(destination_, other.destination_);
  std::swap(temporary_, other.temporary_);
  std::swap(file_, other.file_);
  return *this;
}

void AtomicFile::resize(std::uint64_t size_bytes) {
  int result;
  do {
    result = ::ftruncate(file_.get(), static_cast<off_t>(size_bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) throw_system_error("resize " + destination_, errno);
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  write_fully(file_.get(), offset, bytes, "write " + destination_);
}

void AtomicFile::commit(Sync sync) && {
  if (sync == Sync::kYes && ::fsync(file_.get()) != 0)
    throw_system_error("write " + destination_, errno);
  if (std::rename(temporary_.c_str(), destination_.c_str()) != 0) {
    throw_system_error("create " + destination_, errno);
  }
  temporary_.clear();
  file_.reset();
  if (sync == Sync::kYes) sync_folder_of(destination_);
}

void AtomicFile::abandon() noexcept {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
  file_.reset();
}

}  // namespace h5flume
