#include "storage/mapped/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "storage/write_fully.h"

namespace h5flume::mapped {
namespace {

// Not every file system makes files without a name; on the others it lives for an instant.
FileDescriptor create_nameless(const std::string& folder) {
  FileDescriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  std::string name = folder + "/.h5flume-spill-XXXXXX";
  file = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (!file) throw_system_error("create a temporary file in " + folder, errno);
  ::unlink(name.c_str());
  return file;
}

}  // namespace

void SpillFile::append(std::span<const std::byte> bytes) {
  if (bytes.size() > kBufferBytes - buffer_.size()) flush();
  if (bytes.size() > kBufferBytes) return write(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void SpillFile::flush() {
  write(buffer_);
  buffer_.clear();
}

void SpillFile::write(std::span<const std::byte> bytes) {
  if (!file_ && !bytes.empty()) file_ = create_nameless(folder_);
  write_fully(file_.get(), flushed_, bytes, "write a temporary file in " + folder_);
  flushed_ += bytes.size();
}

void SpillFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty() && offset < flushed_) {
    const auto size = std::min<std::uint64_t>(out.size(), flushed_ - offset);
    const auto got = ::pread(file_.get(), out.data(), size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_system_error("read a temporary file in " + folder_, got < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  if (out.empty()) return;
  if (out.size() > size() - std::min(offset, size())) {
    throw_system_error("read a temporary file in " + folder_, EIO);
  }
  std::memcpy(out.data(), buffer_.data() + (offset - flushed_), out.size());
}

}  // namespace h5flume::mapped
