#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/persistent/boot_clock_internal.h"
#include "storage/persistent/dict/change_log_internal.h"
#include "storage/write_fully.h"

namespace h5flume::persistent {
namespace {

constexpr std::array<char, 8> kMagic{'h', '5', 'f', 'd', 'l', 'o', 'g', '\n'};
constexpr std::uint32_t kLogFormat = 1;
constexpr std::uint32_t kHeaderBytes = 4096;

// A change in the file; then the key, then the value. Little endian, not aligned.
struct Record {
  std::uint32_t checksum = 0;  // of all that follows, and of the generation
  std::uint32_t bytes = 0;     // of the whole record
  std::uint64_t version = 0;
  std::uint32_t key_bytes = 0;
  std::uint32_t flags = 0;
};
constexpr std::uint32_t kErased = 1;
constexpr std::uint32_t kMoreFollow = 2;  // the change is part of a batch that goes on

std::uint32_t checksum_of(const char* record, std::size_t bytes, std::uint32_t generation) {
  constexpr std::size_t kSkipped = sizeof(Record::checksum);
  return static_cast<std::uint32_t>(
      XXH3_64bits_withSeed(record + kSkipped, bytes - kSkipped, generation));
}

// The record at the front of `bytes`; nothing if there is no whole and sound one.
std::optional<Record> sound_record(std::string_view bytes, std::uint32_t generation) {
  Record record;
  if (bytes.size() < sizeof(record)) return std::nullopt;
  std::memcpy(&record, bytes.data(), sizeof(record));
  const bool sound = record.bytes <= bytes.size() && record.bytes >= sizeof(record) &&
                     record.key_bytes <= record.bytes - sizeof(record) &&
                     record.checksum == checksum_of(bytes.data(), record.bytes, generation);
  return sound ? std::optional(record) : std::nullopt;
}

LoggedChange change_of(const Record& record, std::string_view bytes) {
  const auto key = bytes.substr(sizeof(record), record.key_bytes);
  const auto value = bytes.substr(sizeof(record) + record.key_bytes,
                                  record.bytes - sizeof(record) - record.key_bytes);
  if ((record.flags & kErased) != 0) return {key, std::nullopt, record.version};
  return {key, value, record.version};
}

std::string read_range(int descriptor, std::uint32_t from, std::uint32_t end,
                       const std::string& path) {
  std::string bytes(end - from, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::pread(descriptor, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(from + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_system_error("read " + path, errno);
    if (got == 0) break;  // cut off: what is missing is not sound
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

// The kernel caches what is written at once as one piece of that size, and for each small write
// into a large piece some file systems look at every block of it: four times as slow as into small
// ones.
void write_in_pieces(int descriptor, std::uint64_t offset, std::span<const std::byte> bytes,
                     const std::string& path) {
  constexpr std::size_t kPieceBytes = std::size_t{16} << 10U;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
    write_fully(descriptor, offset, piece, "write " + path);
    offset += piece.size();
    bytes = bytes.subspan(piece.size());
  }
}

// boot_id(), as it stands in the file.
using BootName = std::array<char, 40>;

BootName boot_name() {
  BootName name{};
  const auto id = boot_id();
  std::copy_n(id.begin(), std::min(id.size(), name.size()), name.begin());
  return name;
}

std::uint64_t packed(ChangeLog::Position position) noexcept {
  return (std::uint64_t{position.generation} << 32U) | position.end;
}

ChangeLog::Position unpacked(std::uint64_t word) noexcept {
  return {static_cast<std::uint32_t>(word >> 32U), static_cast<std::uint32_t>(word)};
}

}  // namespace

// Written under the gate alone. Release and acquire on `position`: who sees where the log ends also
// sees what stands before (and pread() sees every pwrite() that has returned). The other words are
// read under the gate, or checked against `position` afterwards.
struct ChangeLog::Header {
  std::array<char, 8> magic;
  std::uint32_t format;
  std::uint32_t unused;
  std::uint64_t identity;
  BootName boot;
  std::atomic<std::uint64_t> position;
  std::atomic<std::uint64_t> previous;
  std::atomic<std::uint64_t> last_version;
  std::atomic<std::uint64_t> announced;  // a generation; 0: none
};

ChangeLog::ChangeLog(const std::string& path, const EngineState& engine, bool read_only)
    : path_(path),
      file_(::open(path.c_str(), O_CLOEXEC | (read_only ? O_RDONLY : O_RDWR | O_CREAT), 0666)) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  if (!file_) throw_system_error("open " + path, errno);
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) throw_system_error("open " + path, errno);
  if (status.st_size == 0 && !read_only) {
    const int result = ::posix_fallocate(file_.get(), 0, kHeaderBytes);
    if (result != 0) throw_system_error("open " + path, result);
  } else if (status.st_size < kHeaderBytes) {
    throw Error(ErrorCode::kCorruptData, fmt::format("open {}: it is cut off", path));
  }
  void* const mapped = ::mmap(nullptr, kHeaderBytes, PROT_READ | (read_only ? 0 : PROT_WRITE),
                              MAP_SHARED, file_.get(), 0);
  if (mapped == MAP_FAILED) throw_system_error("map " + path, errno);
  header_ = static_cast<Header*>(mapped);
  try {
    if (header_->magic == decltype(header_->magic){} && !read_only) create(engine);
    if (header_->magic != kMagic || header_->format != kLogFormat ||
        header_->identity != engine.identity) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("open {}: it is not the log of this dict", path));
    }
    if (!read_only) {
      recover(engine);
    } else if (header_->boot != boot_name()) {
      throw Error(ErrorCode::kRefused,
                  fmt::format("open {}: the machine has gone down since it was written; open the "
                              "dict for writing once",
                              path));
    }
  } catch (...) {
    ::munmap(mapped, kHeaderBytes);
    throw;
  }
}

ChangeLog::~ChangeLog() { ::munmap(header_, kHeaderBytes); }

void ChangeLog::create(const EngineState& engine) {
  header_->format = kLogFormat;
  header_->identity = engine.identity;
  header_->boot = boot_name();
  set_last_version(engine.last_version);
  restart(engine.generation);
  header_->magic = kMagic;  // last: a process killed before leaves a log without it
}

// The words of the header are good as long as the machine is up. Afterwards the file holds whatever
// of it had reached the disk: changes of the engine's generation, as far as they are sound.
void ChangeLog::recover(const EngineState& engine) {
  const auto engine_generation = static_cast<std::uint32_t>(engine.generation);
  if (header_->boot != boot_name()) {
    std::uint64_t last_version = engine.last_version;
    const auto end = end_of_whole_batches(engine, last_version);
    set_last_version(last_version);
    header_->previous.store(0, std::memory_order_relaxed);
    header_->announced.store(0, std::memory_order_relaxed);
    header_->position.store(packed(end), std::memory_order_release);
    header_->boot = boot_name();
  } else if (position().generation < engine_generation) {
    restart(engine.generation);  // who gave the changes to the engine died before
  } else if (position().generation > engine_generation) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("open {}: its database is older than the log beside it", path_));
  }
}

ChangeLog::Position ChangeLog::end_of_whole_batches(const EngineState& engine,
                                                    std::uint64_t& last_version) const {
  Position end = begin_of(static_cast<std::uint32_t>(engine.generation));
  const std::string bytes = read_range(file_.get(), end.end, kHeaderBytes + kMostBytes, path_);
  std::string_view rest = bytes;
  while (const auto record = sound_record(rest, end.generation)) {
    rest.remove_prefix(record->bytes);
    if ((record->flags & kMoreFollow) != 0) continue;
    end.end = kHeaderBytes + static_cast<std::uint32_t>(bytes.size() - rest.size());
    last_version = std::max(last_version, record->version);
  }
  return end;
}

ChangeLog::Position ChangeLog::position() const noexcept {
  return unpacked(header_->position.load(std::memory_order_acquire));
}

ChangeLog::Position ChangeLog::previous() const noexcept {
  return unpacked(header_->previous.load(std::memory_order_relaxed));
}

ChangeLog::Position ChangeLog::begin_of(std::uint32_t generation) noexcept {
  return {generation, kHeaderBytes};
}

std::optional<ChangeLog::Position> ChangeLog::read(
    Position from, const std::function<void(const LoggedChange&)>& visit) const {
  const Position to = position();
  if (to.generation != from.generation) return std::nullopt;
  const std::string bytes = read_range(file_.get(), from.end, std::max(from.end, to.end), path_);
  if (position().generation != from.generation) return std::nullopt;  // written over meanwhile
  for (std::string_view rest = bytes; !rest.empty();) {
    const auto record = sound_record(rest, from.generation);
    if (!record) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("read {}: the change at byte {} is damaged", path_,
                              from.end + (bytes.size() - rest.size())));
    }
    visit(change_of(*record, rest.substr(0, record->bytes)));
    rest.remove_prefix(record->bytes);
  }
  if (from.end + bytes.size() != std::max(from.end, to.end)) {
    throw Error(ErrorCode::kCorruptData, fmt::format("read {}: it is cut off", path_));
  }
  return Position{to.generation, std::max(from.end, to.end)};
}

bool ChangeLog::has_room(std::size_t changes, std::size_t key_and_value_bytes) const noexcept {
  const std::size_t bytes = changes * sizeof(Record) + key_and_value_bytes;
  return bytes <= kHeaderBytes + kMostBytes - position().end;
}

void ChangeLog::append(std::span<LoggedChange> changes, bool durable) {
  const Position begin = position();
  std::uint64_t version = last_version();
  buffer_.clear();
  for (auto& change : changes) {
    change.version = ++version;
    const bool last = &change == &changes.back();
    Record record{.version = version,
                  .key_bytes = static_cast<std::uint32_t>(change.key.size()),
                  .flags = (change.value ? 0 : kErased) | (last ? 0 : kMoreFollow)};
    const std::size_t at = buffer_.size();
    buffer_.append(sizeof(record), '\0').append(change.key);
    if (change.value) buffer_.append(*change.value);
    record.bytes = static_cast<std::uint32_t>(buffer_.size() - at);
    std::memcpy(buffer_.data() + at, &record, sizeof(record));
    record.checksum = checksum_of(buffer_.data() + at, record.bytes, begin.generation);
    std::memcpy(buffer_.data() + at, &record, sizeof(record));
  }
  write_in_pieces(file_.get(), begin.end, std::as_bytes(std::span(buffer_)), path_);
  test_point("dict.logged", version);
  if (durable) sync();
  set_last_version(version);
  header_->position.store(
      packed({begin.generation, begin.end + static_cast<std::uint32_t>(buffer_.size())}),
      std::memory_order_release);
}

std::uint64_t ChangeLog::last_version() const noexcept {
  return header_->last_version.load(std::memory_order_relaxed);
}

void ChangeLog::set_last_version(std::uint64_t version) noexcept {
  header_->last_version.store(version, std::memory_order_relaxed);
}

void ChangeLog::announce(std::uint64_t generation) noexcept {
  header_->announced.store(generation, std::memory_order_relaxed);
}

void ChangeLog::restart(std::uint64_t generation) noexcept {
  const auto next = begin_of(static_cast<std::uint32_t>(generation));
  // In this order: whoever sees the new position sees where the old generation ended.
  header_->previous.store(packed(position()), std::memory_order_relaxed);
  header_->position.store(packed(next), std::memory_order_release);
  header_->announced.store(0, std::memory_order_relaxed);
}

std::optional<std::uint64_t> ChangeLog::unfinished() const noexcept {
  const auto announced = header_->announced.load(std::memory_order_relaxed);
  return announced == 0 ? std::nullopt : std::optional(announced);
}

void ChangeLog::sync() {
  if (::fdatasync(file_.get()) != 0) throw_system_error("synchronise " + path_, errno);
}

}  // namespace h5flume::persistent
