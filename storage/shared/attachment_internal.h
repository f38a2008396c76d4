#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_descriptor.h"
#include "core/fork_guard.h"
#include "storage/shared/segment_folder_internal.h"
#include "storage/shared/segment_layout_internal.h"
#include "storage/shared/segment_mapping_internal.h"
#include "storage/shared/shared_dict_status.h"

namespace h5flume::shared {

// An open control segment. Its constants have been checked; its other words may be anything.
//
// Who is attached says the kernel: each attachment has an open file of its own and, through it, a
// lock on one byte of the control file (far beyond its end). That lock goes with the process,
// however it ends, and its byte's number cannot be mistaken for that of another process.
//
// Threads: all members may be called by any at once.
class ControlFile {
 public:
  // Maps and checks an open file. Throws kCorruptData, kUnsupported for another version.
  ControlFile(FileDescriptor file, const std::string& operation);

  ControlSegment& segment() const noexcept { return *segment_; }
  const ControlConstants& constants() const noexcept { return constants_; }
  int descriptor() const noexcept { return file_.get(); }
  const std::shared_ptr<SegmentMapping>& mapping() const noexcept { return mapping_; }
  std::string serializer() const;

  // Takes the lock that says "in use" of one place; false if another open file has it.
  bool claim(std::uint32_t place) const noexcept;
  void give_up(std::uint32_t place) const noexcept;

  // Whether another open file than this one has the place.
  bool is_claimed_elsewhere(std::uint32_t place) const noexcept;

  // The places that other open files have, in order.
  std::vector<std::uint32_t> claimed_elsewhere() const;

  // Takes the dict's name away, whoever else tries to at the same time; a call that was cut short
  // by death is completed by the next.
  void retire(const SegmentFolder& folder, const std::string& name) const noexcept;

  // Removes all files of the dict, whose name was taken away. The control file goes last, so that
  // what is left by a death in between is found.
  void remove_all(const SegmentFolder& folder, const std::string& name) const;

  // Bytes of a control file.
  static std::size_t bytes() noexcept { return sizeof(ControlSegment); }

 private:
  friend class Attachment;  // closes the file

  FileDescriptor file_;
  std::shared_ptr<SegmentMapping> mapping_;
  ControlSegment* segment_;
  ControlConstants constants_;  // a copy: who owns the segment may write to it at any time
};

std::uint64_t checksum_of(const ControlConstants& constants) noexcept;

// The right to use a dict: one place among those attached, until destruction or death.
//
// A child by fork() has none: the copy of the open file that would keep the place taken beyond its
// owner's death is closed there at once.
class Attachment {
 public:
  // Takes the lowest free place. Throws kResourceLimit. In a child by fork(), `seen_commit` is set
  // to what no commit is, so that the owner of both does not take its copy for up to date.
  Attachment(ControlFile control, std::uint64_t& seen_commit, const std::string& operation);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment();

  const ControlFile& control() const noexcept { return control_; }
  std::uint32_t place() const noexcept { return place_; }
  bool was_forked() const noexcept { return process_.was_forked(); }

  // Whether somebody has the place: not if it is no place at all.
  bool is_live(std::uint32_t place) const noexcept;
  bool is_alone() const { return control_.claimed_elsewhere().empty(); }

  // Gives the place up before destruction.
  void leave() noexcept { control_.give_up(place_); }

  // Called in a child by fork(), before it goes on.
  void forget_in_child() noexcept;

 private:
  ControlFile control_;
  std::uint64_t& seen_commit_;
  ForkGuard process_;
  std::uint32_t place_ = 0;
};

// All who have a place, this open file's own included if it is given.
std::vector<SharedAttachment> list_attached(const ControlFile& control,
                                            std::optional<std::uint32_t> own_place = std::nullopt);

}  // namespace h5flume::shared
