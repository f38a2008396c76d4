#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.h"
#include "core/shared_memory.h"
#include "core/slot_word.h"
#include "core/wait_word.h"

namespace h5flume {

// The layout of a ring in shared memory, drawn in docs/block-ring.md:
//
//   RingHeader | slot words, 8 bytes each | next slots, 4 bytes each | SlotRecords |
//   padding to a page | blocks
//
// Offsets only, no pointers: every process maps it elsewhere.

// Where workers or consumers wait. Apart from each other and from the rest: one part is written by
// those who go to sleep, the other by those who look again.
struct WaitingRoom {
  alignas(64) WaitWord sleepers;
  std::atomic<std::uint32_t> enough;  // how many are worth a wake, see RingState::wake_consumer()
  alignas(64) std::atomic<std::uint32_t> looking;  // see LookingTurn
};

struct RingHeader {
  static constexpr std::uint64_t kMagic = 0x676e69722d356668;  // "hf5-ring", little endian
  static constexpr std::uint32_t kVersion = 3;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t slot_count;
  std::uint64_t block_bytes;
  std::int64_t spin_ns;  // see RingOptions::spin
  std::atomic<std::uint32_t> stopped;

  WaitingRoom workers;    // while no slot is free
  WaitingRoom consumers;  // while no block can be delivered

  alignas(64) std::atomic<std::uint64_t> next_claim;  // TicketHint: the lowest free ticket
};

// Written by the holder of a claim before it publishes, read by the holder of the block after.
struct SlotRecord {
  static constexpr std::size_t kMessageBytes = 1000;

  std::uint64_t size_bytes;
  std::int64_t work_ns;
  std::uint32_t error_code;
  std::uint32_t message_size;
  std::array<char, kMessageBytes> message;

  void set_error(const Error& error) noexcept;
  Error error() const;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "slot words work across processes");

/// A mapped ring: finds the parts of the layout in the memory.
class RingMemory {
 public:
  static RingMemory create(std::uint32_t slot_count, std::size_t block_bytes,
                           std::chrono::nanoseconds spin, bool preallocate = true);
  static RingMemory attach(FileDescriptor descriptor);

  RingHeader& header() const noexcept { return *header_; }
  std::uint32_t slot_count() const noexcept { return slot_count_; }
  std::size_t block_bytes() const noexcept { return block_bytes_; }
  int descriptor() const noexcept { return memory_.descriptor(); }

  std::atomic<std::uint64_t>& word(std::uint32_t slot) const noexcept { return words_[slot]; }
  /// A hint: the slot that probably has the ticket after that of `slot`. Hardly ever written.
  std::atomic<std::uint32_t>& next_slot(std::uint32_t slot) const noexcept {
    return next_slots_[slot];
  }
  SlotRecord& record(std::uint32_t slot) const noexcept { return records_[slot]; }
  std::span<std::byte> block(std::uint32_t slot) const noexcept {
    return {blocks_ + slot * block_stride_, block_bytes_};
  }

 private:
  RingMemory(SharedMemory memory, std::uint32_t slot_count, std::size_t block_bytes);

  SharedMemory memory_;
  RingHeader* header_;
  // Copies of what the header said when it was checked: a worker gone wild may write over that.
  std::uint32_t slot_count_;
  std::size_t block_bytes_;
  std::size_t block_stride_;
  std::atomic<std::uint64_t>* words_;
  std::atomic<std::uint32_t>* next_slots_;
  SlotRecord* records_;
  std::byte* blocks_;
};

}  // namespace h5flume
