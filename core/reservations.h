#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/slot_word.h"

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

  /// Who filled it, as that one says.
  WorkerId worker() const noexcept { return worker_; }

  /// Gives the slot back to be filled with a later block. No effect if nothing is held.
  void release() noexcept;

 private:
  friend class BlockRing;
  ReadReservation(std::shared_ptr<RingState> ring, std::uint32_t slot, std::uint64_t ticket,
                  WorkerId worker, bool failed)
      : ring_(std::move(ring)), slot_(slot), ticket_(ticket), worker_(worker), failed_(failed) {}

  std::shared_ptr<RingState> ring_;
  std::uint32_t slot_ = 0;
  std::uint64_t ticket_ = 0;
  WorkerId worker_;
  bool failed_ = false;
};

}  // namespace h5flume
