#pragma once

#include <cstdint>
#include <limits>

namespace h5flume {

/// A process or thread that fills slots, and which life of it: a worker that died and was replaced
/// has the same number and the next incarnation.
struct WorkerId {
  std::uint8_t number = 0;
  std::uint8_t incarnation = 0;  ///< may wrap: only the dead and its successor must differ

  bool operator==(const WorkerId&) const = default;
};

/// What may happen to a slot next; docs/block-ring.md draws the transitions.
enum class SlotState : std::uint8_t {
  kFree = 1,     ///< has a ticket and waits for a worker
  kClaimed = 2,  ///< a worker fills it
  kReady = 3,    ///< holds the ticket's data
  kFailed = 4,   ///< holds the ticket's error
  kHeld = 5,     ///< a consumer reads it
  kRetired = 6,  ///< there are no more tickets for it
};

/// A slot's whole state in one 64-bit word: ticket:44 | worker:8 | incarnation:8 | state:4.
///
/// One compare-and-swap changes all of it, so that a process that dies between two instructions
/// leaves either the old state or the new one, and the word says whose slot it was.
/// 44 bits of tickets last for 200 days at a million blocks a second.
struct SlotWord {
  static constexpr std::uint64_t kTicketLimit = std::uint64_t{1} << 44;

  std::uint64_t ticket = 0;
  WorkerId worker;
  SlotState state = SlotState::kFree;

  static constexpr SlotWord decode(std::uint64_t bits) noexcept {
    return {bits >> 20,
            {static_cast<std::uint8_t>(bits >> 12), static_cast<std::uint8_t>(bits >> 4)},
            static_cast<SlotState>(bits & 0xf)};
  }
  constexpr std::uint64_t encode() const noexcept {
    return ticket << 20 | std::uint64_t{worker.number} << 12 |
           std::uint64_t{worker.incarnation} << 4 | static_cast<std::uint64_t>(state);
  }
  bool operator==(const SlotWord&) const = default;
};

/// Where a ticket may be: a guess that is checked against the slot's word, so it may be wrong.
/// ticket:44 | slot:20.
struct TicketHint {
  static constexpr std::uint32_t kSlotLimit = std::uint32_t{1} << 20;

  std::uint64_t ticket = 0;
  std::uint32_t slot = 0;

  static constexpr TicketHint decode(std::uint64_t bits) noexcept {
    return {bits >> 20, static_cast<std::uint32_t>(bits & (kSlotLimit - 1))};
  }
  constexpr std::uint64_t encode() const noexcept { return ticket << 20 | slot; }
};

}  // namespace h5flume
