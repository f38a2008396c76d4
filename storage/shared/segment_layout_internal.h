#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/wait_word.h"

// What lies in the segments of a shared dict, byte by byte: docs/shared-dict.md. Native byte order:
// they never leave the machine.
namespace h5flume::shared {

constexpr std::uint64_t kControlMagic = 0x6c72746e63746468;     // "hdtcntrl"
constexpr std::uint64_t kGenerationMagic = 0x6e65676e74636468;  // "hdctngen"
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::uint32_t kMostAttached = 1024;

constexpr std::uint32_t kFlagRecurse = 1;
constexpr std::uint32_t kFlagAutoUnlink = 2;

// Written before anybody else can see them, and never again.
struct ControlConstants {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t most_attached;
  std::uint64_t id;  // random; in the names of the dict's other files
  std::uint64_t most_bytes;
  std::uint64_t buffer_bytes;
  std::int64_t created_ns;  // of the system clock
  std::uint32_t flags;
  std::uint32_t permissions;
  char serializer[32];    // its name, filled up with zeros
  std::uint32_t creator;  // its place in `attached`
  std::uint32_t unused;
  std::uint64_t checksum;  // XXH3 of all before it
};

// Whose it is says the kernel: the attachment holds a lock on a byte of the control file.
struct alignas(64) AttachmentRecord {
  std::atomic<std::int64_t> pid;
  std::atomic<std::int64_t> since_ns;
};

struct ControlSegment {
  ControlConstants constants;

  // The position behind the last committed frame. Storing it is the commit, of a frame as of a
  // dump, and nothing else is.
  alignas(64) std::atomic<std::uint64_t> commit;
  std::atomic<std::uint64_t> generation;  // the newest, which may not be committed yet

  alignas(64) std::atomic<std::uint64_t> lock;  // a LockWord
  WaitWord lock_waiters;

  alignas(64) WaitWord change_waiters;
  std::atomic<std::uint64_t> recoveries;
  std::atomic<std::uint64_t> steals;
  std::atomic<std::uint32_t> unlinked;

  AttachmentRecord attached[kMostAttached];
};

// What precedes the snapshot in a generation's file; the stream's room follows the snapshot.
struct GenerationHeader {
  std::uint64_t magic;
  std::uint32_t format;
  std::uint32_t next_node;   // the number that the next nested dict gets
  std::uint64_t id;          // the dict's
  std::uint64_t generation;  // 1, 2, ...
  std::uint64_t base;        // position of the first byte of the stream's room
  std::uint64_t capacity;    // bytes of that room
  std::uint64_t snapshot_bytes;
  std::uint64_t version;   // commits that the snapshot contains
  std::uint64_t checksum;  // XXH3 of all before it
  // Where the stream ended, written before a later generation is committed, read after.
  std::atomic<std::uint64_t> end;
  std::uint64_t unused[6];
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::is_standard_layout_v<ControlSegment>);
static_assert(std::is_trivially_destructible_v<ControlSegment>);
static_assert(offsetof(ControlSegment, commit) == 128);
static_assert(offsetof(ControlSegment, lock) == 192);
static_assert(offsetof(ControlSegment, change_waiters) == 256);
static_assert(offsetof(ControlSegment, attached) == 320);
static_assert(sizeof(GenerationHeader) == 128);

}  // namespace h5flume::shared
