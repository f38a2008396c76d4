#pragma once

#include <cstdint>

namespace h5flume::shared {

// The lock of a shared dict in one word, so that there is no instant at which it is held and its
// holder unknown.
//
//   claims:47 | committing:1 | holder:16
//
// `holder` is the place of who holds it plus one, 0 if nobody does. `committing` says that its
// holder is in the middle of a commit, where it must not be robbed while it lives. `claims` counts
// how often the lock was taken, so that who takes it from the dead takes it from the one it has
// looked at. Every bit has a meaning, so that any word, however damaged, can be exchanged for
// another.
struct LockWord {
  std::uint64_t claims = 0;
  bool committing = false;
  std::uint32_t holder = 0;

  bool is_held() const noexcept { return holder != 0; }
  std::uint32_t place() const noexcept { return holder - 1; }

  constexpr std::uint64_t encode() const noexcept {
    return claims << kClaimsShift | std::uint64_t{committing} << kCommittingShift | holder;
  }
  static constexpr LockWord decode(std::uint64_t word) noexcept {
    return {word >> kClaimsShift, (word >> kCommittingShift & 1U) != 0,
            static_cast<std::uint32_t>(word & 0xffffU)};
  }

  // As taken by the one at `taker`.
  constexpr LockWord taken_by(std::uint32_t taker, bool to_commit) const noexcept {
    return {(claims + 1) & ((std::uint64_t{1} << (64 - kClaimsShift)) - 1), to_commit, taker + 1};
  }
  constexpr LockWord released() const noexcept { return {claims, false, 0}; }

 private:
  static constexpr unsigned kCommittingShift = 16;
  static constexpr unsigned kClaimsShift = 17;

 public:
  LockWord() = default;
  constexpr LockWord(std::uint64_t claim_count, bool is_committing, std::uint32_t its_holder)
      : claims(claim_count), committing(is_committing), holder(its_holder) {}
};

}  // namespace h5flume::shared
