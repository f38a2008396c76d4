#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace h5flume {

/// One user of a dict: a SharedDict object, however many threads or nested dicts it serves.
struct SharedAttachment {
  std::int64_t pid = 0;  ///< in its own namespace of process ids
  std::chrono::system_clock::time_point since;
  bool is_creator = false;
  bool holds_lock = false;
};

/// What is with a dict: SharedDict::status().
struct SharedDictStatus {
  std::string name;
  std::string folder;
  std::string serializer;
  bool recurse = false;
  bool auto_unlink = false;
  bool unlinked = false;  ///< nobody can attach any more
  std::chrono::system_clock::time_point created;

  std::uint64_t version = 0;     ///< commits since it was made
  std::uint64_t generation = 0;  ///< the current segment: 1 and one more for each dump
  std::uint64_t recoveries = 0;  ///< times that a holder of the lock was found dead
  std::uint64_t steals = 0;      ///< times that the lock was taken from a live holder

  std::size_t entries = 0;  ///< nested dicts included
  std::size_t nested_dicts = 0;
  std::size_t live_bytes = 0;      ///< what a dump would take now
  std::size_t snapshot_bytes = 0;  ///< what the last dump took
  std::size_t stream_bytes = 0;    ///< changes since
  std::size_t stream_capacity = 0;
  std::size_t segment_bytes = 0;  ///< all files together
  std::size_t most_bytes = 0;

  std::vector<SharedAttachment> attached;
  std::optional<std::int64_t> lock_holder;  ///< pid

  // Of this SharedDict alone.
  std::uint64_t frames_applied = 0;  ///< commits of others that were read from the stream
  std::uint64_t snapshots_loaded = 0;
  std::uint64_t commits_made = 0;
  std::uint64_t dumps_made = 0;
  std::uint64_t lock_waits = 0;  ///< times that the lock was not free at once
};

/// A dict found in a folder: list_shared_dicts().
struct SharedDictInfo {
  enum class State {
    kUsed,       ///< somebody is attached
    kIdle,       ///< nobody is; it was made to outlive its creator
    kAbandoned,  ///< nobody is; its creator died before it could unlink it
    kUnlinked,   ///< unlinked, and still used by who was attached
    kOrphaned,   ///< unlinked, or parts of a dict, and nobody is attached
    kDamaged,    ///< not readable as a dict; `problem` says why
  };
  std::string name;
  State state = State::kUsed;
  std::string problem;
  std::size_t segment_bytes = 0;
  std::chrono::system_clock::time_point created;
  std::vector<SharedAttachment> attached;
  std::vector<std::string> files;  ///< their names in the folder
};

std::string to_string(SharedDictInfo::State state);

/// The dicts in a folder, by name, files that belong to none included. Attaches to none.
/// Throws kNotFound, kIo.
std::vector<SharedDictInfo> list_shared_dicts(const std::string& folder = "/dev/shm");

/// Removes what crashed programs left: kAbandoned and kOrphaned, and of the dicts in use segments
/// that no longer belong to them. With `damaged_too` also kDamaged. Never what somebody uses.
/// Returns the names of the files removed. Throws kNotFound, kIo.
std::vector<std::string> clean_shared_dicts(const std::string& folder = "/dev/shm",
                                            bool damaged_too = false);

/// Takes the name away from a dict, as SharedDict::unlink() does, without attaching to it; one that
/// is damaged is removed. False if there is none. Throws kInvalidArgument for an impossible name,
/// kRefused, kIo.
bool unlink_shared_dict(const std::string& name, const std::string& folder = "/dev/shm");

}  // namespace h5flume
