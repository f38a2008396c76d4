#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/shared/attachment_internal.h"
#include "storage/shared/lock_word_internal.h"

namespace h5flume::shared {
namespace {

// Byte of the control file that is locked by who changes its name; the places' bytes follow.
constexpr off_t kNamingByte = off_t{1} << 40U;
constexpr off_t kFirstPlace = kNamingByte + 1;

struct flock byte_lock(int type, off_t byte, off_t count = 1) noexcept {
  struct flock lock {};
  lock.l_type = static_cast<short>(type);
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = count;
  return lock;
}

bool control(int descriptor, int command, struct flock& lock) noexcept {
  int result = 0;
  do {
    result = ::fcntl(descriptor, command, &lock);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

// Those of this process: a child by fork() must not keep them.
struct OwnAttachments {
  std::mutex mutex;
  std::vector<Attachment*> all;
};

OwnAttachments& own_attachments() {
  static OwnAttachments* const own = [] {
    static auto* const made = new OwnAttachments;
    ::pthread_atfork([] { made->mutex.lock(); }, [] { made->mutex.unlock(); },
                     [] {
                       for (Attachment* attachment : made->all) attachment->forget_in_child();
                       made->all.clear();
                       made->mutex.unlock();
                     });
    return made;
  }();
  return *own;
}

}  // namespace

std::uint64_t checksum_of(const ControlConstants& constants) noexcept {
  return XXH3_64bits(&constants, offsetof(ControlConstants, checksum));
}

ControlFile::ControlFile(FileDescriptor file, const std::string& operation)
    : file_(std::move(file)) {
  const auto refuse = [&](ErrorCode code, std::string_view cause) {
    throw Error(code, fmt::format("{}: its control segment {}", operation, cause));
  };
  const std::size_t size = size_of_file(file_.get(), operation);
  if (size != bytes()) {
    refuse(ErrorCode::kCorruptData, fmt::format("has {} bytes, not {}", size, bytes()));
  }
  mapping_ = SegmentMapping::of(file_.get(), size, operation);
  segment_ = reinterpret_cast<ControlSegment*>(mapping_->bytes().data());
  constants_ = segment_->constants;
  if (constants_.magic != kControlMagic) {
    refuse(ErrorCode::kCorruptData, "does not begin as one does");
  }
  if (constants_.format != kFormatVersion) {
    refuse(ErrorCode::kUnsupported,
           fmt::format("has version {}, this program knows {}", constants_.format, kFormatVersion));
  }
  if (constants_.checksum != checksum_of(constants_) || constants_.most_attached != kMostAttached ||
      constants_.serializer[sizeof(constants_.serializer) - 1] != 0) {
    refuse(ErrorCode::kCorruptData, "fails its checksum");
  }
}

std::string ControlFile::serializer() const { return constants_.serializer; }

bool ControlFile::claim(std::uint32_t place) const noexcept {
  auto lock = byte_lock(F_WRLCK, kFirstPlace + place);
  return control(file_.get(), F_OFD_SETLK, lock);
}

void ControlFile::give_up(std::uint32_t place) const noexcept {
  auto lock = byte_lock(F_UNLCK, kFirstPlace + place);
  control(file_.get(), F_OFD_SETLK, lock);
}

bool ControlFile::is_claimed_elsewhere(std::uint32_t place) const noexcept {
  auto lock = byte_lock(F_WRLCK, kFirstPlace + place);
  // In doubt it counts as alive: what is alive must never be taken for dead.
  return !control(file_.get(), F_OFD_GETLK, lock) || lock.l_type != F_UNLCK;
}

std::vector<std::uint32_t> ControlFile::claimed_elsewhere() const {
  std::vector<std::uint32_t> found;
  // The kernel names one lock in the range, not necessarily the first: what lies on both sides of
  // it is asked for next.
  std::vector<std::pair<off_t, off_t>> ranges{{kFirstPlace, kFirstPlace + kMostAttached}};
  while (!ranges.empty()) {
    const auto [begin, end] = ranges.back();
    ranges.pop_back();
    if (begin >= end) continue;
    auto lock = byte_lock(F_WRLCK, begin, end - begin);
    if (!control(file_.get(), F_OFD_GETLK, lock) || lock.l_type == F_UNLCK) continue;
    // Adjacent places of one open file would be one lock; there is one to each.
    const off_t from = std::max(begin, lock.l_start);
    const off_t to = lock.l_len == 0 ? end : std::min(end, lock.l_start + lock.l_len);
    for (off_t byte = from; byte < to; ++byte) {
      found.push_back(static_cast<std::uint32_t>(byte - kFirstPlace));
    }
    ranges.emplace_back(begin, from);
    ranges.emplace_back(to, end);
  }
  std::sort(found.begin(), found.end());
  return found;
}

void ControlFile::retire(const SegmentFolder& folder, const std::string& name) const noexcept {
  // The store decides; the rest only follows from it, and is made up for by whoever meets the name.
  // seq_cst: who claims a place afterwards reads it afterwards, see Attachment.
  segment_->unlinked.store(1, std::memory_order_seq_cst);
  test_point("shared.retiring", 0);
  // Under the lock of the byte nobody but us can give the name to another dict between the look
  // and the renaming.
  auto lock = byte_lock(F_WRLCK, kNamingByte);
  if (!control(file_.get(), F_OFD_SETLKW, lock)) return;
  const SegmentName named{.kind = SegmentName::Kind::kControl, .dict = name};
  const SegmentName gone{.kind = SegmentName::Kind::kGone, .dict = name, .id = constants_.id};
  if (folder.is_named(named.file(), file_.get())) folder.rename(named.file(), gone.file());
  test_point("shared.retired", 0);
  lock.l_type = F_UNLCK;
  control(file_.get(), F_OFD_SETLK, lock);
}

void ControlFile::remove_all(const SegmentFolder& folder, const std::string& name) const {
  for (const auto& file : folder.files()) {
    const auto parsed = SegmentName::parse(file);
    if (parsed->kind == SegmentName::Kind::kGeneration && parsed->dict == name &&
        parsed->id == constants_.id) {
      folder.remove(file);
      test_point("shared.removing", parsed->generation);
    }
  }
  folder.remove(
      SegmentName{.kind = SegmentName::Kind::kGone, .dict = name, .id = constants_.id}.file());
}

Attachment::Attachment(ControlFile control, std::uint64_t& seen_commit,
                       const std::string& operation)
    : control_(std::move(control)), seen_commit_(seen_commit) {
  while (place_ < kMostAttached && !control_.claim(place_)) ++place_;
  if (place_ == kMostAttached) {
    throw Error(ErrorCode::kResourceLimit,
                fmt::format("{}: {} are attached already", operation, kMostAttached));
  }
  AttachmentRecord& record = control_.segment().attached[place_];
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  // relaxed: for people to read.
  record.pid.store(::getpid(), std::memory_order_relaxed);
  record.since_ns.store(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count(),
                        std::memory_order_relaxed);
  auto& [mutex, all] = own_attachments();
  const std::lock_guard guard(mutex);
  all.push_back(this);
}

Attachment::~Attachment() {
  auto& [mutex, all] = own_attachments();
  const std::lock_guard guard(mutex);
  std::erase(all, this);
  control_.file_.reset();
}

void Attachment::forget_in_child() noexcept {
  control_.file_.reset();
  seen_commit_ = ~std::uint64_t{0};
}

bool Attachment::is_live(std::uint32_t place) const noexcept {
  if (place >= kMostAttached) return false;
  return place == place_ || control_.is_claimed_elsewhere(place);
}

std::vector<SharedAttachment> list_attached(const ControlFile& control,
                                            std::optional<std::uint32_t> own_place) {
  auto places = control.claimed_elsewhere();
  if (own_place) {
    places.insert(std::upper_bound(places.begin(), places.end(), *own_place), *own_place);
  }
  const auto word = LockWord::decode(control.segment().lock.load(std::memory_order_relaxed));
  std::vector<SharedAttachment> attached;
  for (const std::uint32_t place : places) {
    const AttachmentRecord& record = control.segment().attached[place];
    const std::chrono::nanoseconds since(record.since_ns.load(std::memory_order_relaxed));
    attached.push_back({.pid = record.pid.load(std::memory_order_relaxed),
                        .since = std::chrono::system_clock::time_point(
                            std::chrono::duration_cast<std::chrono::system_clock::duration>(since)),
                        .is_creator = place == control.constants().creator &&
                                      since.count() == control.constants().created_ns,
                        .holds_lock = word.is_held() && word.place() == place});
  }
  return attached;
}

}  // namespace h5flume::shared
