#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/reservations.h"
#include "core/slot_word.h"
#include "core/wait_word.h"

namespace h5flume {

/// What a ring is made of, and in which order its blocks are delivered.
struct RingOptions {
  std::uint32_t slot_count = 0;  ///< at least 1
  std::size_t block_bytes = 0;   ///< payload of a slot

  /// Allocates all slots at once. Otherwise a slot takes as much memory as the largest block that
  /// was ever written into it: for blocks that are mostly much smaller than block_bytes. Memory
  /// that runs short is then no error of the constructor; it ends a worker.
  bool preallocate = true;

  /// How long one of the workers that have to wait, and one of the consumers, looks again before it
  /// goes to sleep, as long as that pays: being woken takes about 20 us, longer than many blocks
  /// do.
  std::chrono::microseconds spin{0};

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

  /// Calls `look` with the word of each slot, which may change meanwhile.
  void for_each_slot(const std::function<void(const SlotWord&)>& look) const;

  /// Number of blocks taken so far, as data or as errors. For the process that made the ring.
  std::uint64_t delivered() const noexcept;

  std::uint32_t slot_count() const noexcept;
  std::size_t block_bytes() const noexcept;
  int descriptor() const noexcept;  ///< of the shared memory, to be passed to workers

 private:
  explicit BlockRing(std::shared_ptr<RingState> state) : state_(std::move(state)) {}

  std::shared_ptr<RingState> state_;
};

}  // namespace h5flume
