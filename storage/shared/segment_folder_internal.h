#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_descriptor.h"

namespace h5flume::shared {

// What the name of a file in the folder says. NAME.h5dict is the control segment of a dict,
// NAME.h5dict.ID.gone that of one whose name was taken away, NAME.h5dict.ID.N its generation N.
struct SegmentName {
  enum class Kind { kControl, kGone, kGeneration };
  Kind kind = Kind::kControl;
  std::string dict;
  std::uint64_t id = 0;          // not in the name of kControl
  std::uint64_t generation = 0;  // of kGeneration

  std::string file() const;
  static std::optional<SegmentName> parse(std::string_view file);
  bool operator==(const SegmentName&) const = default;
};

// Throws kInvalidArgument unless it is 1 to 100 letters, digits, '_', '-' and '.', does not begin
// with '.', and has no ".h5dict" in it. So a name cannot leave its folder.
void check_dict_name(std::string_view name);

// The folder that segments are files of. Messages begin with `operation`, "attach to shared dict
// 'x'" or the like.
//
// Threads: all members may be called by any at once.
class SegmentFolder {
 public:
  // Throws kNotFound, kIo.
  explicit SegmentFolder(const std::string& path);

  // A file without a name, of `size_bytes` that are zero and allocated: no later write to them can
  // fail. Throws kOutOfMemory, kUnsupported for a file system without nameless files, kIo.
  FileDescriptor make(std::size_t size_bytes, unsigned permissions,
                      const std::string& operation) const;

  // Gives it a name. False if there is a file of that name.
  bool link(int descriptor, const std::string& file, const std::string& operation) const;

  // Opens for reading and writing; empty if it is not there. Throws kRefused if it belongs to
  // another user or if others than `permissions` allows may write to it, kCorruptData if it is no
  // plain file, kIo.
  FileDescriptor open(const std::string& file, unsigned permissions,
                      const std::string& operation) const;

  // Whether the file of that name is the one that is open.
  bool is_named(const std::string& file, int descriptor) const noexcept;

  bool rename(const std::string& from, const std::string& to) const noexcept;
  bool remove(const std::string& file) const noexcept;

  std::vector<std::string> files() const;  // those with names of segments, sorted

  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  FileDescriptor folder_;
};

std::size_t size_of_file(int descriptor, const std::string& operation);

}  // namespace h5flume::shared
