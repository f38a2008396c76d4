#include "readers/chunks/file_bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"

namespace h5flume::chunks {

FileBytes::FileBytes(const std::string& path, const FileIdentity& identity)
    : path_(path), identity_(identity), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!descriptor_) throw_system_error("open " + path, errno);
  check_unchanged();
}

void FileBytes::read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t got =
        ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error(fmt::format("read {} bytes at {}", out.size(), offset), errno);
    if (got == 0) {
      check_unchanged();
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("the file ends before its byte {}", offset + out.size()));
    }
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::span<const std::byte> FileBytes::fetch(std::uint64_t offset, std::size_t size_bytes,
                                            std::vector<std::byte>& buffer) const {
  if (buffer.size() < size_bytes) buffer.resize(size_bytes);
  const std::span bytes(buffer.data(), size_bytes);
  read(offset, bytes);
  return bytes;
}

void FileBytes::check_unchanged() const {
  throw_if_changed(path_, identity_, identity_of(descriptor_.get()));
}

}  // namespace h5flume::chunks
