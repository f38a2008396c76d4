#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/file_descriptor.h"
#include "core/file_identity.h"

namespace h5flume::chunks {

/// Where the bytes of a file come from.
///
/// Threads: all members may be called at once.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Reads bytes [offset, offset + out.size()). Throws kSourceChanged if the file ends before,
  /// kIo; messages are a cause only.
  virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;

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
  void check_unchanged() const override;
  const FileIdentity& identity() const noexcept override { return identity_; }

 private:
  std::string path_;
  FileIdentity identity_;
  FileDescriptor descriptor_;
};

}  // namespace h5flume::chunks
