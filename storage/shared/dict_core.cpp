// A shared dict's coming and going, and reading.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <random>
#include <utility>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/shared/creation_mark_internal.h"
#include "storage/shared/dict_core_internal.h"

namespace h5flume::shared {
namespace {

constexpr std::size_t kLeastBytes = 4096;
constexpr int kMostTries = 100;

// A committer may have died between the commit and the wake: nobody sleeps longer without a look.
constexpr std::chrono::milliseconds kLongestSleep(50);

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

SharedSerializer serializer_for(const std::string& recorded,
                                const std::optional<SharedSerializer>& wanted,
                                const std::string& operation) {
  if (wanted) {
    if (wanted->name == recorded) return *wanted;
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: it was made with the serializer '{}', not '{}'", operation,
                            recorded, wanted->name));
  }
  for (auto& known :
       {SharedSerializer::json(), SharedSerializer::cbor(), SharedSerializer::msgpack()}) {
    if (known.name == recorded) return known;
  }
  throw Error(ErrorCode::kConflict,
              fmt::format("{}: it was made with the serializer '{}', which has to be given",
                          operation, recorded));
}

}  // namespace

DictCore::DictCore(SegmentFolder folder, std::string name, SharedDictOptions options)
    : folder_(std::move(folder)), name_(std::move(name)), options_(std::move(options)) {}

std::shared_ptr<DictCore> DictCore::open(const std::string& name, const SharedDictOptions& options,
                                         Opening opening) {
  const std::string chosen = name.empty() && opening != Opening::kAttach
                                 ? fmt::format("dict-{:016x}", random_number())
                                 : name;
  check_dict_name(chosen);
  const std::shared_ptr<DictCore> core(
      new DictCore(SegmentFolder(options.folder), chosen, options));
  for (int tries = 0; tries < kMostTries; ++tries) {
    if (opening != Opening::kCreate && core->attach()) return core;
    if (opening == Opening::kAttach) {
      throw Error(
          ErrorCode::kNotFound,
          fmt::format("attach to shared dict '{}': there is none in {}", chosen, options.folder));
    }
    if (core->create()) return core;
    if (opening != Opening::kCreate) continue;
    // It may be there only because who unlinked it died; attach() completes that.
    SharedDictOptions look = options;
    look.serializer.reset();
    const std::unique_ptr<DictCore> other(
        new DictCore(SegmentFolder(options.folder), chosen, look));
    bool is_there = true;
    try {
      is_there = other->attach();
    } catch (const Error&) {
      // Damaged, another user's, or made with a serializer of its own: there, anyway.
    }
    if (is_there) break;
  }
  throw Error(ErrorCode::kConflict,
              fmt::format("create shared dict '{}': there is one in {}", chosen, options.folder));
}

std::string DictCore::operation(std::string_view what) const {
  return fmt::format("{} shared dict '{}'", what, name_);
}

bool DictCore::create() {
  const std::string making = operation("create");
  if (options_.most_bytes < kLeastBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: most_bytes is at least {}", making, kLeastBytes));
  }
  const SharedSerializer serializer = options_.serializer.value_or(SharedSerializer::json());
  ControlConstants constants{};
  if (serializer.name.empty() || serializer.name.size() >= sizeof(constants.serializer) ||
      serializer.name.find('\0') != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the name of a serializer has 1 to {} bytes", making,
                            sizeof(constants.serializer) - 1));
  }
  constants.magic = kControlMagic;
  constants.format = kFormatVersion;
  constants.most_attached = kMostAttached;
  constants.id = random_number();
  constants.most_bytes = options_.most_bytes;
  constants.buffer_bytes = std::max<std::size_t>(options_.buffer_bytes, kFrameAlignment);
  constants.created_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  constants.flags =
      (options_.recurse ? kFlagRecurse : 0) | (options_.auto_unlink ? kFlagAutoUnlink : 0);
  constants.permissions = options_.permissions & 0777U;
  constants.creator = 0;
  std::memcpy(constants.serializer, serializer.name.data(), serializer.name.size());
  constants.checksum = checksum_of(constants);

  const Generation::Beginning beginning{
      .id = constants.id,
      .base = kFrameAlignment,
      .capacity = std::min<std::size_t>(constants.buffer_bytes,
                                        options_.most_bytes - Generation::bytes(0, 0)) &
                  ~(kFrameAlignment - 1)};
  const auto first = Generation::make(folder_, beginning, {}, constants.permissions, making).file;
  auto control = folder_.make(ControlFile::bytes(), constants.permissions, making);
  {
    const auto mapping = SegmentMapping::of(control.get(), ControlFile::bytes(), making);
    auto* const segment = new (mapping->bytes().data()) ControlSegment{};
    segment->constants = constants;
    // relaxed: nobody else can open it yet.
    segment->commit.store(beginning.base, std::memory_order_relaxed);
    segment->generation.store(beginning.number, std::memory_order_relaxed);
    control_mapping_ = mapping;
  }
  auto attachment =
      std::make_unique<Attachment>(ControlFile(std::move(control), making), seen_commit_, making);
  // By the time, too, the creator is told from who gets its place after it. relaxed: to be read by
  // people.
  attachment->control().segment().attached[constants.creator].since_ns.store(
      constants.created_ns, std::memory_order_relaxed);
  const SegmentName generation{.kind = SegmentName::Kind::kGeneration,
                               .dict = name_,
                               .id = constants.id,
                               .generation = beginning.number};
  const CreationMark mark(first.get());  // until the control segment shows whose it is
  if (!folder_.link(first.get(), generation.file(), making)) return false;
  test_point("shared.creating", 0);
  const SegmentName control_name{.kind = SegmentName::Kind::kControl, .dict = name_};
  bool is_first = false;
  try {
    is_first = folder_.link(attachment->control().descriptor(), control_name.file(), making);
  } catch (...) {
    folder_.remove(generation.file());
    throw;
  }
  if (!is_first) {
    folder_.remove(generation.file());
    return false;
  }
  test_point("shared.created", 0);
  serializer_ = serializer;
  is_creator_ = true;
  take_options(attachment->control());
  use(std::move(attachment));
  return true;
}

bool DictCore::attach() {
  const std::string attaching = operation("attach to");
  const SegmentName control_name{.kind = SegmentName::Kind::kControl, .dict = name_};
  auto file = folder_.open(control_name.file(), options_.permissions, attaching);
  if (!file) return false;
  ControlFile control(std::move(file), attaching);
  const auto give_back = [&](const ControlFile& unlinked) {
    unlinked.retire(folder_, name_);
    if (unlinked.claimed_elsewhere().empty()) unlinked.remove_all(folder_, name_);
    return false;
  };
  if (control.segment().unlinked.load(std::memory_order_seq_cst) != 0) return give_back(control);
  serializer_ = serializer_for(control.serializer(), options_.serializer, attaching);
  auto attachment = std::make_unique<Attachment>(std::move(control), seen_commit_, attaching);
  // The claim of a place comes before this look, and an unlinking before its look at the places:
  // one of the two sees the other.
  if (attachment->control().segment().unlinked.load(std::memory_order_seq_cst) != 0) {
    attachment->leave();
    return give_back(attachment->control());
  }
  take_options(attachment->control());
  use(std::move(attachment));
  if (lock_->take_from_predecessor()) {
    try {
      recover();
    } catch (...) {
      lock_->release();
      throw;
    }
    lock_->release();
  }
  refresh();
  return true;
}

void DictCore::take_options(const ControlFile& control) {
  const ControlConstants& constants = control.constants();
  options_.most_bytes = constants.most_bytes;
  options_.buffer_bytes = constants.buffer_bytes;
  options_.recurse = recurse_ = (constants.flags & kFlagRecurse) != 0;
  options_.auto_unlink = (constants.flags & kFlagAutoUnlink) != 0;
}

void DictCore::use(std::unique_ptr<Attachment> attachment) {
  attachment_ = std::move(attachment);
  control_mapping_ = attachment_->control().mapping();
  segment_ = &attachment_->control().segment();
  lock_ = std::make_unique<DictLock>(*attachment_);
}

DictCore::~DictCore() { close(); }

void DictCore::close() {
  if (is_closed_ || !segment_) return;
  is_closed_ = true;
  seen_commit_ = kNothingSeen;
  // A child by fork() has only copies, whose originals are in use.
  if (!attachment_->was_forked()) {
    const ControlFile& control = attachment_->control();
    lock_->release();
    if (is_creator_ && options_.auto_unlink) control.retire(folder_, name_);
    attachment_->leave();
    // Of several who leave at once each has left before it looks: the last one sees nobody.
    if (segment_->unlinked.load(std::memory_order_seq_cst) != 0 && attachment_->is_alone()) {
      try {
        control.remove_all(folder_, name_);
      } catch (const Error&) {
        // The folder cannot be listed: clean_shared_dicts() finds it when it can be.
      }
    }
  }
  attachment_.reset();
  generation_.reset();
}

void DictCore::unlink() {
  check_usable();
  attachment_->control().retire(folder_, name_);
}

void DictCore::check_usable() const {
  if (is_closed_) throw Error(ErrorCode::kCancelled, operation("use") + ": it has been closed");
  if (attachment_->was_forked()) {
    throw Error(ErrorCode::kRefused,
                operation("use") +
                    ": this process was forked from the one that attached to it; "
                    "attach anew");
  }
}

void DictCore::throw_corrupt(std::string_view what) const {
  throw Error(ErrorCode::kCorruptData, fmt::format("{}: {}", operation("read"), what));
}

void DictCore::forget_replica() noexcept {
  is_stale_ = true;
  seen_commit_ = kNothingSeen;
}

void DictCore::reload() {
  check_usable();
  if (in_transaction_) {
    throw Error(ErrorCode::kInvalidArgument, operation("reload") + ": in a transaction");
  }
  forget_replica();
  refresh();
}

// Positions only grow: whatever is current when a generation has been opened contains all that was
// committed when this began, so one pass is enough and nobody has to be caught up with for ever.
void DictCore::catch_up() {
  check_usable();
  if (in_transaction_) {
    if (is_stale_) {
      throw Error(ErrorCode::kCancelled,
                  operation("use") + ": a part of this transaction has failed");
    }
    throw_stolen();
  }
  // acquire: as in refresh().
  const std::uint64_t target = segment_->commit.load(std::memory_order_acquire);
  try {
    if (!is_stale_ && target < position_) throw_corrupt("its commit word went backwards");
    while (is_stale_ || position_ < target) {
      if (!is_stale_) {
        if (target <= generation_->limit()) {
          apply_until(target);
          break;
        }
        apply_until(generation_->end());
      }
      auto next = open_generation();
      if (!is_stale_ && next->number() <= generation_->number()) {
        throw_corrupt("its commit word points beyond its segment");
      }
      if (is_stale_ || next->version() != replica_.version) {
        is_stale_ = true;
        if (!next->load_snapshot(replica_)) throw_corrupt("a snapshot is damaged");
        ++snapshots_loaded_;
      }
      generation_ = std::move(next);
      position_ = generation_->base();
      is_stale_ = false;
    }
    seen_commit_ = position_;
  } catch (...) {
    forget_replica();
    throw;
  }
}

void DictCore::apply_until(std::uint64_t position) {
  const auto frames = generation_->apply(position_, position, replica_);
  if (!frames) {
    throw_corrupt(
        fmt::format("its stream is damaged between positions {} and {}", position_, position));
  }
  position_ = position;
  frames_applied_ += *frames;
}

std::unique_ptr<Generation> DictCore::try_open(std::uint64_t number) const {
  const ControlFile& control = attachment_->control();
  const SegmentName name{.kind = SegmentName::Kind::kGeneration,
                         .dict = name_,
                         .id = control.constants().id,
                         .generation = number};
  const std::string reading = operation("read");
  const auto file = folder_.open(name.file(), options_.permissions, reading);
  if (!file) return nullptr;
  return std::make_unique<Generation>(file.get(), control.constants().id, number, reading);
}

std::unique_ptr<Generation> DictCore::open_generation() const {
  for (int tries = 0; tries < kMostTries; ++tries) {
    // acquire: the file was given its name before that.
    const std::uint64_t newest = segment_->generation.load(std::memory_order_acquire);
    // The newest may be written but not committed, in the middle of a dump; the one before it is
    // then still there.
    for (const std::uint64_t number : {newest, newest - 1}) {
      auto generation = try_open(number);
      if (!generation) continue;
      // acquire: as in refresh().
      if (generation->base() <= segment_->commit.load(std::memory_order_acquire)) {
        return generation;
      }
    }
    // There has been a dump since, or two.
  }
  throw_corrupt("its segment is not there");
}

std::optional<std::uint64_t> DictCore::wait_for_change(
    std::uint64_t since, std::optional<std::chrono::milliseconds> timeout) {
  if (in_transaction_) {
    throw Error(ErrorCode::kInvalidArgument,
                operation("wait for a change of") + ": in a transaction");
  }
  WaitWord::Deadline deadline;
  if (timeout) deadline = WaitWord::Clock::now() + *timeout;
  for (;;) {
    refresh();
    if (replica_.version != since) return replica_.version;
    const std::uint32_t announced = segment_->change_waiters.announce();
    // A committer stores the commit word, exchanges the lock word, and looks whether anyone is
    // announced. If it does not see the announcement, its exchange comes before this load in the
    // one order of sequentially consistent operations; so the load reads what the exchange stored
    // or something later in the same release sequence, and the commit is visible.
    static_cast<void>(segment_->lock.load(std::memory_order_seq_cst));
    if (segment_->commit.load(std::memory_order_acquire) != seen_commit_) continue;
    const auto now = WaitWord::Clock::now();
    if (deadline && now >= *deadline) return std::nullopt;
    const auto until = now + kLongestSleep;
    segment_->change_waiters.sleep(announced, deadline ? std::min(*deadline, until) : until);
  }
}

SharedDictStatus DictCore::status() {
  refresh();
  const ControlFile& control = attachment_->control();
  const std::chrono::nanoseconds created(control.constants().created_ns);
  return {.name = name_,
          .folder = folder_.path(),
          .serializer = serializer_.name,
          .recurse = recurse_,
          .auto_unlink = options_.auto_unlink,
          .unlinked = segment_->unlinked.load(std::memory_order_relaxed) != 0,
          .created = std::chrono::system_clock::time_point(
              std::chrono::duration_cast<std::chrono::system_clock::duration>(created)),
          .version = replica_.version,
          .generation = generation_->number(),
          .recoveries = segment_->recoveries.load(std::memory_order_relaxed),
          .steals = segment_->steals.load(std::memory_order_relaxed),
          .entries = replica_.size(),
          .nested_dicts = replica_.nested_dicts(),
          .live_bytes = replica_.live_bytes(),
          .snapshot_bytes = generation_->snapshot_bytes(),
          .stream_bytes = position_ - generation_->base(),
          .stream_capacity = generation_->capacity(),
          .segment_bytes = generation_->segment_bytes() + ControlFile::bytes(),
          .most_bytes = options_.most_bytes,
          .attached = list_attached(control, attachment_->place()),
          .lock_holder = lock_holder(),
          .frames_applied = frames_applied_,
          .snapshots_loaded = snapshots_loaded_,
          .commits_made = commits_made_,
          .dumps_made = dumps_made_,
          .lock_waits = lock_->waits()};
}

}  // namespace h5flume::shared
