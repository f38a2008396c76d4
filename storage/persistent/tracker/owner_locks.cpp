#include <fcntl.h>

#include <cerrno>

#include "core/error.h"
#include "storage/persistent/tracker/owner_locks_internal.h"

namespace h5flume::persistent {
namespace {

struct flock byte_lock(std::int64_t owner) noexcept {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = owner;
  lock.l_len = 1;
  return lock;
}

}  // namespace

OwnerLocks::OwnerLocks(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (!file_) throw_system_error("open " + path, errno);
}

bool OwnerLocks::take(std::int64_t owner) {
  auto lock = byte_lock(owner);
  if (::fcntl(file_.get(), F_OFD_SETLK, &lock) == 0) return true;
  if (errno != EAGAIN && errno != EACCES) throw_system_error("lock " + path_, errno);
  return false;
}

bool OwnerLocks::is_alive(std::int64_t owner) const {
  auto lock = byte_lock(owner);
  if (::fcntl(file_.get(), F_OFD_GETLK, &lock) != 0) throw_system_error("lock " + path_, errno);
  return lock.l_type != F_UNLCK;
}

}  // namespace h5flume::persistent
