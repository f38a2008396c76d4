#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/file_descriptor.h"
#include "core/file_identity.h"

namespace h5flume::chunks {

/// What is wanted of a file and lies nearer than this is fetched together: reading a gap costs less
/// than a call.
inline constexpr std::uint64_t kNearBytes = 16 << 10;

/// Where the bytes of a file come from.
///
/// Threads: all members may be called at once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Reads bytes [offset, offset + out.size()). Throws kSourceChanged if the file ends before,
  /// kIo; messages are a cause only.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;

  /// The bytes [offset, offset + size_bytes): where they are in memory already, else read into
  /// `buffer`, which grows as it has to. Valid as long as the source, and until the buffer is used
  /// again. Throws as read() does, and std::bad_alloc.
  virtual std::span<const std::byte> fetch(std::uint64_t offset, std::size_t size_bytes,
                                           std::vector<std::byte>& buffer) const = 0;

  /// Throws kSourceChanged if it is not the file any more that was opened.
  virtual void check_unchanged() const = 0;

  virtual const FileIdentity& identity() const noexcept = 0;
};

/// A file, read by pread().
class FileBytes final : public ByteSource {
 public:
  /// Throws kSourceChanged if the file at `path` is not the one of `identity`, kNotFound, kIo.
  FileBytes(const std::string& path, const FileIdentity& identity);

  void read(std::uint64_t offset, std::span<std::byte> out) const override;
  std::span<const std::byte> fetch(std::uint64_t offset, std::size_t size_bytes,
                                   std::vector<std::byte>& buffer) const override;
  void check_unchanged() const override;
  const FileIdentity& identity() const noexcept override { return identity_; }

  const std::string& path() const noexcept { return path_; }
  int descriptor() const noexcept { return descriptor_.get(); }

 private:
  std::string path_;
  FileIdentity identity_;
  FileDescriptor descriptor_;
};

}  // namespace h5flume::chunks
