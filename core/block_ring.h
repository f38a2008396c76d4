#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/slot_word.h"
#include "core/wait_word.h"

namespace h5flume {

class BlockRing;
struct RingState;

/// Exclusive right to fill one slot of a BlockRing with the block its ticket stands for.
///
///   claimed --commit()--> ready    (a consumer will see the bytes)
///   claimed --fail()----> failed   (a consumer will see the error)
///   claimed --abandon()-> free     (nothing was ever visible; the ticket is filled by another)
///
/// A killed process runs no destructor: BlockRing::reclaim() takes its slots back.
///
/// Lifetime: must not outlive the ring. Threads: may move between threads, not be shared by them.
class [[nodiscard]] WriteReservation {
 public:
  WriteReservation(WriteReservation&& other) noexcept;
  WriteReservation& operator=(WriteReservation&&) = delete;
  ~WriteReservation() { abandon(); }

  /// Number of the block, counted from 0 without end.
  std::uint64_t ticket() const noexcept { return ticket_; }

  /// Writable payload of block_bytes; empty once the slot has been given up.
  std::span<std::byte> bytes() const noexcept;

  /// Publishes the first `size_bytes` and gives the slot up. `work_time` is what it took to make
  /// them, for statistics. Throws kInvalidArgument, keeping the slot, if they do not fit.
  void commit(std::size_t size_bytes, std::chrono::nanoseconds work_time = {}) &&;

  /// Publishes an error in place of data and gives the slot up. A message of more than a thousand
  /// bytes is cut.
  void fail(const Error& error) && noexcept;

  /// Gives slot and ticket back. No effect if no slot is held.
  void abandon() noexcept;

 private:
  friend class BlockRing;
  WriteReservation(RingState* ring, std::uint32_t slot, std::uint64_t ticket, WorkerId worker)
      : ring_(ring), slot_(slot), ticket_(ticket), worker_(worker) {}
  void publish(SlotState state) noexcept;

  RingState* ring_;
  std::uint32_t slot_;
  std::uint64_t ticket_;
  WorkerId worker_;
};

/// Exclusive right to read one slot. While it is held its bytes do not change.
///
/// Lifetime: may outlive its BlockRing; it keeps the memory. Threads: may move between threads.
class [[nodiscard]] ReadReservation {
 public:
  ReadReservation() = default;
  ReadReservation(ReadReservation&& other) noexcept;
  ReadReservation& operator=(ReadReservation&& other) noexcept;
  ~ReadReservation() { release(); }

  std::uint64_t ticket() const noexcept { return ticket_; }

  /// What was committed; empty if the block failed or nothing is held.
  std::span<const std::byte> bytes() const noexcept;

  /// The error in place of data, if the block failed.
  std::optional<Error> error() const;

  /// What WriteReservation::commit() was told.
  std::chrono::nanoseconds work_time() const noexcept;

  /// Gives the slot back to be filled with a later block. No effect if nothing is held.
  void release() noexcept;

 private:
  friend class BlockRing;
  ReadReservation(std::shared_ptr<RingState> ring, std::uint32_t slot, std::uint64_t ticket,
                  bool failed)
      : ring_(std::move(ring)), slot_(slot), ticket_(ticket), failed_(failed) {}

  std::shared_ptr<RingState> ring_;
  std::uint32_t slot_ = 0;
  std::uint64_t ticket_ = 0;
  bool failed_ = false;
};

/// What a ring is made of, and in which order its blocks are delivered.
struct RingOptions {
  std::uint32_t slot_count = 0;  ///< at least 1
  std::size_t block_bytes = 0;   ///< payload of a slot

  /// Number of blocks in the stream, the tickets 0 to ticket_count - 1.
  std::uint64_t ticket_count = SlotWord::kTicketLimit;

  /// Order of delivery: once `delivered` blocks have been, those with a ticket below
  /// window_end(delivered) may be next. `delivered + 1` is strict order. Empty: no order.
  /// Must be larger than `delivered`. Called by consumers at once from any thread.
  std::function<std::uint64_t(std::uint64_t delivered)> window_end;
};

/// A bounded ring of blocks in shared memory: any number of workers in any process fill slots, any
/// number of threads of one process, the one that created it, read them in place.
///
/// Every ticket is delivered exactly once, as data or as an error, also when workers are killed at
/// any instruction. A slot that is held is never written. Waiting takes no processor time. The
/// layout in memory and the argument for it are in docs/block-ring.md.
///
/// Lifetime: a handle; must outlive WriteReservations, not ReadReservations.
/// Threads: all members may be called at once.
class BlockRing {
 public:
  using Deadline = WaitWord::Deadline;

  /// Throws kInvalidArgument for sizes of zero or beyond the address space, kOutOfMemory.
  explicit BlockRing(RingOptions options);

  /// A worker's end of a ring that another process created.
  /// Throws kInvalidArgument if the memory is not a ring of this version.
  static BlockRing attach(FileDescriptor descriptor);

  // --- for workers ---

  /// A slot to fill: of those that are free, the one with the lowest ticket. Waits while the ring
  /// is full; nothing once the ring has been stopped.
  std::optional<WriteReservation> reserve(WorkerId worker);

  // --- for consumers ---

  /// The next block. Nothing once all have been delivered, after stop(), or at the deadline: see
  /// finished(). Throws nothing of its own.
  std::optional<ReadReservation> take(const Deadline& deadline = std::nullopt);

  /// True if take() will never give a block again.
  bool finished() const noexcept;

  // --- for the one who looks after the workers ---

  /// Takes back what a dead worker had claimed. `verdict` is asked about each ticket: an Error
  /// fails the block with it, nothing lets another worker try. The worker must be dead, not just
  /// slow. Wakes everybody, since the dead may have owed someone a wake. Returns the number of
  /// slots.
  std::size_t reclaim(
      WorkerId worker,
      const std::function<std::optional<Error>(std::uint64_t ticket)>& verdict = {});

  /// The ticket that a worker is filling now, if any.
  std::optional<std::uint64_t> claimed_by(WorkerId worker) const noexcept;

  /// Ends the ring: whoever waits or comes gets nothing. Held blocks stay readable.
  void stop() noexcept;
  bool stopped() const noexcept;

  /// Number of slots in a state: a snapshot.
  std::size_t count(SlotState state) const noexcept;

  std::uint32_t slot_count() const noexcept;
  std::size_t block_bytes() const noexcept;
  int descriptor() const noexcept;  ///< of the shared memory, to be passed to workers

 private:
  explicit BlockRing(std::shared_ptr<RingState> state) : state_(std::move(state)) {}

  std::shared_ptr<RingState> state_;
};

}  // namespace h5flume
