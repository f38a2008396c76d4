// A shared dict's lock, changes, transactions, dumps and recovery.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/shared/dict_core_internal.h"

namespace h5flume::shared {
namespace {

constexpr std::size_t kPageBytes = 4096;

constexpr std::size_t whole_frames(std::size_t bytes) noexcept {
  return bytes & ~(kFrameAlignment - 1);
}

}  // namespace

// --- the lock -----------------------------------------------------------------------------------

void DictCore::throw_stolen() const {
  throw Error(ErrorCode::kConflict,
              operation("change") + ": its lock was stolen from this process");
}

std::optional<std::int64_t> DictCore::lock_holder() const {
  check_usable();
  const auto place = lock_->holder();
  if (!place || !attachment_->is_live(*place) ||
      (*place == attachment_->place() && !lock_->is_held())) {
    return std::nullopt;
  }
  return segment_->attached[*place].pid.load(std::memory_order_relaxed);
}

void DictCore::throw_lock_timeout() const {
  const auto holder = lock_holder();
  throw Error(ErrorCode::kTimeout,
              holder ? fmt::format("{}: it is held by process {}", operation("lock"), *holder)
                     : fmt::format("{}: others are faster", operation("lock")));
}

void DictCore::take_lock(bool to_commit) {
  if (seen_commit_ == kNothingSeen) check_usable();
  DictLock::Deadline deadline;
  if (options_.lock_timeout) deadline = WaitWord::Clock::now() + *options_.lock_timeout;
  const auto taken = lock_->take(deadline, to_commit);
  if (taken == DictLock::Taken::kNot) throw_lock_timeout();
  if (taken == DictLock::Taken::kInOrder) return;
  try {
    recover();
  } catch (...) {
    lock_->release();
    throw;
  }
}

bool DictCore::hold(std::optional<std::chrono::milliseconds> timeout, Patience patience) {
  check_usable();
  if (holds_ > 0) {
    if (lock_->is_stolen()) throw_stolen();
    ++holds_;
    return true;
  }
  DictLock::Deadline deadline;
  if (timeout) deadline = WaitWord::Clock::now() + *timeout;
  auto taken = lock_->take(deadline, false);
  if (taken == DictLock::Taken::kNot && patience == Patience::kSteal) {
    taken = lock_->steal(WaitWord::Clock::now() + *timeout);
  }
  if (taken == DictLock::Taken::kNot) return false;
  if (taken == DictLock::Taken::kFromDead) {
    try {
      if (!lock_->begin_commit()) throw_stolen();
      recover();
      lock_->end_commit();
    } catch (...) {
      lock_->release();
      throw;
    }
  }
  holds_ = 1;
  return true;
}

void DictCore::let_go() noexcept {
  if (is_closed_ || attachment_->was_forked() || --holds_ > 0) return;
  lock_->release();
  end_of_commits();
}

// --- changes ------------------------------------------------------------------------------------

DictCore::Change::Change(DictCore& core, std::size_t about_bytes) : core_(core) {
  core_.begin(about_bytes);
}

DictCore::Change::~Change() {
  if (is_touched_) core_.forget_replica();
  core_.end();
}

void DictCore::Change::set(const Replica::Place& place, const PlainValue& value) {
  is_touched_ = true;
  core_.frame_.set(place.node, place.key, value);
  core_.replica_.set(place, value);
}

void DictCore::Change::erase(const Replica::Place& place) {
  is_touched_ = true;
  core_.frame_.erase(place.node, place.key);
  core_.replica_.erase(place);
}

void DictCore::Change::clear_node(std::uint32_t node) {
  is_touched_ = true;
  core_.frame_.clear_node(node);
  core_.replica_.clear_node(node);
}

std::uint32_t DictCore::Change::set_node(const Replica::Place& place) {
  const std::uint32_t number = core_.replica_.next_node();
  if (number == std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::kResourceLimit,
                core_.operation("nest in") + ": it has had all the nested dicts it can have");
  }
  if (!core_.replica_.add_node(number, place.node)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: more than {} levels", core_.operation("nest in"), kMostLevels));
  }
  set(place, {.kind = SharedKind::kDict, .word = number});
  return number;
}

void DictCore::Change::commit() {
  if (is_touched_ && !core_.in_transaction_) core_.commit_frame();
  is_touched_ = false;
}

void DictCore::begin(std::size_t about_bytes) {
  if (in_transaction_) {
    refresh();
    return;
  }
  if (holds_ > 0) {
    check_usable();
    if (!lock_->begin_commit()) throw_stolen();
  } else {
    take_lock(true);
  }
  try {
    refresh();
    // Before anything has been changed, so that who has read everything can go on with the new
    // generation without loading it.
    if (about_bytes != 0 && !has_room(about_bytes)) write_generation(replica_.version, about_bytes);
  } catch (...) {
    end();
    throw;
  }
}

void DictCore::end() noexcept {
  if (in_transaction_) return;
  frame_.clear();
  if (holds_ > 0) {
    lock_->end_commit();
  } else {
    lock_->release();
  }
  end_of_commits();
}

void DictCore::end_of_commits() noexcept {
  // After the exchange of the lock word: see wait_for_change().
  if (std::exchange(owes_wake_, false) && segment_->change_waiters.has_sleepers()) {
    segment_->change_waiters.wake_all();
  }
}

bool DictCore::has_room(std::size_t frame_bytes) const noexcept {
  return frame_bytes <= generation_->limit() - position_;
}

void DictCore::commit_frame() {
  const std::size_t frame_bytes = frame_.frame_bytes();
  if (!has_room(frame_bytes)) {
    // The changed replica itself becomes the next generation, and its commit the frame's.
    if (write_generation(replica_.version + 1, 0)) return;
    throw Error(ErrorCode::kResourceLimit,
                fmt::format("{}: it would need more than the {} bytes that it may have",
                            operation("change"), options_.most_bytes));
  }
  const std::string_view frame = frame_.finish(position_);
  std::memcpy(generation_->at(position_), frame.data(), frame.size());
  test_point("shared.framed", position_);
  // release: the frame is visible to who sees this. Until here nothing has happened, from here on
  // it has.
  segment_->commit.store(position_ + frame.size(), std::memory_order_release);
  position_ = seen_commit_ = position_ + frame.size();
  ++replica_.version;
  ++commits_made_;
  owes_wake_ = true;
  test_point("shared.committed", position_);
}

void DictCore::transaction(const std::function<void()>& change) {
  if (in_transaction_) {
    change();
    return;
  }
  if (!hold(options_.lock_timeout, Patience::kWait)) throw_lock_timeout();
  try {
    refresh();
    in_transaction_ = true;
    change();
    refresh();  // throws if a part has failed or the lock was stolen
    in_transaction_ = false;
    if (!frame_.empty()) {
      if (!lock_->begin_commit()) throw_stolen();
      try {
        commit_frame();
      } catch (...) {
        lock_->end_commit();
        throw;
      }
      lock_->end_commit();
    }
  } catch (...) {
    in_transaction_ = false;
    if (!frame_.empty()) forget_replica();
    frame_.clear();
    let_go();
    throw;
  }
  frame_.clear();
  let_go();
}

// --- dumps and recovery -------------------------------------------------------------------------

void DictCore::dump() {
  if (in_transaction_) {
    throw Error(ErrorCode::kInvalidArgument, operation("dump") + ": in a transaction");
  }
  const Change change(*this, 0);
  if (!write_generation(replica_.version, 0)) {
    throw Error(ErrorCode::kResourceLimit,
                fmt::format("{}: it would need more than the {} bytes that it may have",
                            operation("dump"), options_.most_bytes));
  }
}

bool DictCore::write_generation(std::uint64_t version, std::size_t frame_bytes) {
  const std::string snapshot = replica_.snapshot();
  const std::size_t without_stream = Generation::bytes(snapshot.size(), 0);
  if (without_stream + frame_bytes > options_.most_bytes) return false;
  // Twice the snapshot: so half a byte is dumped for each byte that is written, and who comes late
  // reads at most three times what the dict has.
  std::size_t capacity = std::max({options_.buffer_bytes, 2 * snapshot.size(), frame_bytes});
  capacity += kPageBytes - 1 - (without_stream + capacity + kPageBytes - 1) % kPageBytes;
  capacity = whole_frames(std::min(capacity, options_.most_bytes - without_stream));

  const std::string dumping = operation("dump");
  const ControlConstants& constants = attachment_->control().constants();
  const Generation::Beginning beginning{.id = constants.id,
                                        .number = generation_->number() + 1,
                                        .base = generation_->next_base(),
                                        .version = version,
                                        .next_node = replica_.next_node(),
                                        .capacity = capacity};
  const auto made = Generation::make(folder_, beginning, snapshot, constants.permissions, dumping);
  const FileDescriptor& file = made.file;
  auto next = std::make_unique<Generation>(file.get(), beginning.id, beginning.number, dumping);
  SegmentName name{.kind = SegmentName::Kind::kGeneration,
                   .dict = name_,
                   .id = beginning.id,
                   .generation = beginning.number};
  if (!folder_.link(file.get(), name.file(), dumping)) {
    // Left by one who died before it was announced.
    folder_.remove(name.file());
    if (!folder_.link(file.get(), name.file(), dumping)) {
      throw Error(ErrorCode::kConflict, fmt::format("{}: {} is in the way", dumping, name.file()));
    }
  }
  test_point("shared.dump_linked", beginning.number);
  generation_->set_end(position_);
  // release: the file has its name. It counts for nothing before the commit.
  segment_->generation.store(beginning.number, std::memory_order_release);
  test_point("shared.dump_announced", beginning.number);
  // release: as in commit_frame(), for the snapshot.
  segment_->commit.store(beginning.base, std::memory_order_release);
  name.generation = generation_->number();
  generation_ = std::move(next);
  position_ = seen_commit_ = beginning.base;
  ++dumps_made_;
  if (version != replica_.version) {
    replica_.version = version;
    ++commits_made_;
    owes_wake_ = true;
  }
  test_point("shared.dump_committed", beginning.number);
  folder_.remove(name.file());
  test_point("shared.dump_done", beginning.number);
  return true;
}

// The holder died between any two instructions. What it had written of a frame counts for nothing,
// and is written over. It may have been in a dump: then a generation may be there that is not
// announced (removed), or announced and not committed (committed, as it is whole), or the one
// before may still be there (removed).
void DictCore::recover() {
  segment_->recoveries.fetch_add(1, std::memory_order_relaxed);
  test_point("shared.recovering", 0);
  const std::uint64_t newest = segment_->generation.load(std::memory_order_acquire);
  const auto generation = try_open(newest);
  if (!generation) throw_corrupt("its newest segment is not there");
  if (generation->base() > segment_->commit.load(std::memory_order_acquire)) {
    segment_->commit.store(generation->base(), std::memory_order_release);
    owes_wake_ = true;
  }
  test_point("shared.recovered", 0);
  remove_other_generations();
  // It may have owed a wake.
  segment_->lock_waiters.wake_unconditionally();
  segment_->change_waiters.wake_unconditionally();
}

std::vector<std::string> DictCore::remove_other_generations() const {
  const std::uint64_t current = segment_->generation.load(std::memory_order_acquire);
  std::vector<std::string> removed;
  for (const auto& file : folder_.files()) {
    const auto parsed = SegmentName::parse(file);
    if (parsed->kind == SegmentName::Kind::kGeneration && parsed->dict == name_ &&
        parsed->id == attachment_->control().constants().id && parsed->generation != current &&
        folder_.remove(file)) {
      removed.push_back(file);
    }
  }
  return removed;
}

std::vector<std::string> DictCore::tidy() {
  if (!hold(std::chrono::milliseconds(0), Patience::kWait)) return {};
  std::vector<std::string> removed;
  try {
    if (lock_->begin_commit()) {
      removed = remove_other_generations();
      lock_->end_commit();
    }
  } catch (...) {
    lock_->end_commit();
    let_go();
    throw;
  }
  let_go();
  return removed;
}

}  // namespace h5flume::shared
