#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"

namespace h5flume::mapped {

/// Bytes that wait on disk for their turn: a file without a name, which no death of the process
/// leaves behind. Written in order, through a buffer; read anywhere.
///
/// Threads: one at a time.
class SpillFile {
 public:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

  /// In `folder`, once there is more than a buffer holds.
  explicit SpillFile(std::string folder) : folder_(std::move(folder)) {}

  /// Throws kNotFound, kIo and so on, naming the folder.
  void append(std::span<const std::byte> bytes);
  std::uint64_t size() const noexcept { return flushed_ + buffer_.size(); }

  /// Writes what is still in the buffer.
  void flush();

  /// Reads what has been appended. Throws kIo if it reaches beyond that.
  void read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  void write(std::span<const std::byte> bytes);

  std::string folder_;
  FileDescriptor file_;
  std::vector<std::byte> buffer_;
  std::uint64_t flushed_ = 0;
};

}  // namespace h5flume::mapped
