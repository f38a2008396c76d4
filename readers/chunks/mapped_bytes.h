#pragma once

#include <atomic>

#include "core/file_mapping.h"
#include "readers/chunks/file_bytes.h"

namespace h5flume::chunks {

/// A file, mapped: fetch() gives large runs of its bytes where they are, without a copy, and once
/// all of the data has been fetched the others, too. Before that it reads them, which is faster.
///
/// A file that is cut short meanwhile takes the process down, with SIGBUS: for worker processes,
/// which can be replaced.
class MappedBytes final : public ByteSource {
 public:
  /// `data_bytes`: what one pass over the data fetches. Throws as the constructor of FileMapping
  /// does.
  MappedBytes(FileBytes file, std::uint64_t data_bytes);

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    file_.read(offset, out);
  }
  std::span<const std::byte> fetch(std::uint64_t offset, std::size_t size_bytes,
                                   std::vector<std::byte>& buffer) const override;
  void check_unchanged() const override { file_.check_unchanged(); }
  const FileIdentity& identity() const noexcept override { return file_.identity(); }

 private:
  FileBytes file_;
  FileMapping mapping_;
  const std::uint64_t data_bytes_;
  mutable std::atomic<std::uint64_t> fetched_bytes_{0};  // relaxed: a guess
};

}  // namespace h5flume::chunks
