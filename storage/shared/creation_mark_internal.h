#pragma once

#include <fcntl.h>

namespace h5flume::shared {

// Says of a first generation that its dict is being made: until the control segment has a name, the
// file looks like one that was left behind. The kernel takes the mark back from the dead.
class CreationMark {
 public:
  explicit CreationMark(int descriptor) noexcept : descriptor_(descriptor) {
    auto lock = whole_file(F_WRLCK);
    ::fcntl(descriptor_, F_OFD_SETLK, &lock);
  }
  CreationMark(const CreationMark&) = delete;
  CreationMark& operator=(const CreationMark&) = delete;
  ~CreationMark() {
    auto lock = whole_file(F_UNLCK);
    ::fcntl(descriptor_, F_OFD_SETLK, &lock);
  }

  // Whether another open file of the same has it.
  static bool is_on(int descriptor) noexcept {
    auto lock = whole_file(F_WRLCK);
    return ::fcntl(descriptor, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
  }

 private:
  static struct flock whole_file(int type) noexcept {
    struct flock lock {};
    lock.l_type = static_cast<short>(type);
    lock.l_whence = SEEK_SET;
    return lock;
  }

  int descriptor_;
};

}  // namespace h5flume::shared
