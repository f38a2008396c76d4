#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"
#include "storage/persistent/dict/shared_text_internal.h"

namespace h5flume::persistent {

/// A change of one key, as it stands in a ChangeLog.
struct LoggedChange {
  std::string_view key;
  std::optional<std::string_view> value;  ///< nothing: it is erased
  std::uint64_t version = 0;
  SharedText text = {};  ///< the value, where somebody shares it
};

/// The changes of a dict that its engine has not been given yet: a file that every process that has
/// the dict open reads along, and appends to under the writer gate.
///
/// A change is there for all, and safe from the death of any process, as soon as it has been
/// written to the file and the one word that says where the file ends has been moved; both cost
/// little. From time to time the changes go to the engine together, and the log begins anew, in the
/// next generation. Its form: docs/persistent-dict.md.
///
/// Threads: for one at a time.
class ChangeLog {
 public:
  /// What a generation holds at most: every process that has the dict open has all of it in memory,
  /// and the engine is given it the more cheaply a change the more there are.
  static constexpr std::uint32_t kMostBytes = 48U << 20U;
  static constexpr int kMostKeys = 131'072;  ///< that have been changed; for who appends

  /// How far the log goes: so many bytes of this generation. One atomic word in the file.
  struct Position {
    std::uint32_t generation = 0;
    std::uint32_t end = 0;
    bool operator==(const Position&) const = default;
  };

  /// What the engine says of itself.
  struct EngineState {
    std::uint64_t identity = 0;
    std::uint64_t generation = 0;
    std::uint64_t last_version = 0;
  };

  /// Opens the log, made if it is not there. To be called under the gate, unless read-only. What a
  /// killed process has left unfinished is finished here, and what a machine that went down has
  /// left is looked through. Throws kCorruptData if the log belongs to another dict.
  ChangeLog(const std::string& path, const EngineState& engine, bool read_only);
  ChangeLog(const ChangeLog&) = delete;
  ChangeLog& operator=(const ChangeLog&) = delete;
  ~ChangeLog();

  Position position() const noexcept;

  /// Where the generation before this one ended.
  Position previous() const noexcept;

  /// The beginning of a generation.
  static Position begin_of(std::uint32_t generation) noexcept;

  /// Calls `visit` with the changes from `from` on, and returns where they end; nothing if the log
  /// has begun anew since. Throws kCorruptData for a damaged change.
  std::optional<Position> read(Position from,
                               const std::function<void(const LoggedChange&)>& visit) const;

  // --- under the gate
  // -----------------------------------------------------------------------------

  /// Whether that many changes of that many bytes find room. If not, give the log to the engine.
  bool has_room(std::size_t changes, std::size_t key_and_value_bytes) const noexcept;

  /// Appends all changes, together, and gives them their versions. With `durable` they are on the
  /// disk when it returns.
  void append(std::span<LoggedChange> changes, bool durable);

  std::uint64_t last_version() const noexcept;
  void set_last_version(std::uint64_t version) noexcept;

  /// Says that the engine is about to be brought to `generation`: if this process dies before
  /// restart(), the next one asks the engine whether it was. See unfinished().
  void announce(std::uint64_t generation) noexcept;

  /// Begins anew.
  void restart(std::uint64_t generation) noexcept;

  /// The generation that somebody announced and did not come to begin.
  std::optional<std::uint64_t> unfinished() const noexcept;

  void sync();  ///< what is in it reaches the disk

 private:
  struct Header;

  void create(const EngineState& engine);
  void recover(const EngineState& engine);
  Position end_of_whole_batches(const EngineState& engine, std::uint64_t& last_version) const;

  std::string path_;
  FileDescriptor file_;
  Header* header_ = nullptr;
  std::string buffer_;  // of append(), kept for its memory
};

}  // namespace h5flume::persistent
