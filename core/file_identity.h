#pragma once

#include <cstdint>
#include <string>

namespace h5flume {

/// What tells whether a file is still the file that was opened.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileIdentity&) const = default;
};

/// Whether it is the same file, whatever has been written to it.
inline bool is_same_file(const FileIdentity& one, const FileIdentity& other) noexcept {
  return one.device == other.device && one.inode == other.inode;
}

/// The identity of the file at `path`. Throws kNotFound or kIo, naming the path.
FileIdentity identity_of(const std::string& path);

/// The identity of an open file. Throws kIo.
FileIdentity identity_of(int descriptor);

/// Throws kSourceChanged if the two differ; the message is a cause, and names `path`.
void throw_if_changed(const std::string& path, const FileIdentity& was, const FileIdentity& is);

}  // namespace h5flume
