#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace h5flume::persistent {

/// An entry as an engine keeps it. Keys and values are JSON text, which no engine looks into.
struct DictRow {
  std::uint64_t sequence = 0;  ///< larger than those of all entries that were added before
  std::uint64_t version = 0;
  std::string key;
  std::string value;
};

/// What has become of one key.
struct DictChange {
  std::string_view key;
  std::optional<std::string_view> value;  ///< nothing: it is erased
  std::uint64_t version = 0;
  bool goes_last = false;      ///< it was erased in between: the entry becomes the last
  std::uint64_t sequence = 0;  ///< of the entry, where it is known: see DictEngine::apply()
};

/// The state of a dict as one look at an engine's file shows it.
class DictView {
 public:
  virtual ~DictView() = default;

  /// How many times apply() has been called, by whichever process.
  virtual std::uint64_t generation() = 0;

  /// The next entries by sequence, at most `limit`, whose sequence is larger than `after`.
  virtual std::vector<DictRow> page(std::uint64_t after, std::size_t limit) = 0;
};

/// Where the entries of a dict are kept, in order.
///
/// Threads: for one at a time. Processes: apply() and clear() by one at a time, under the writer
/// gate; the rest by any.
class DictEngine : public DictView {
 public:
  virtual std::optional<DictRow> find(std::string_view key) = 0;

  virtual std::uint64_t identity() = 0;  ///< of the dict: given when it was made
  virtual std::uint64_t size() = 0;
  virtual std::uint64_t last_version() = 0;  ///< that apply() has been given

  /// Makes all changes, of different keys, new entries in their order, and sets the generation:
  /// together, and on the disk when it returns. Sequences that are known make it faster; it fills
  /// in the others.
  virtual void apply(std::span<DictChange> changes, std::uint64_t generation,
                     std::uint64_t last_version) = 0;

  /// Erases everything, in the same way.
  virtual void clear(std::uint64_t generation, std::uint64_t last_version) = 0;

  /// A look that does not change, as long as it lives.
  virtual std::unique_ptr<DictView> snapshot() = 0;

  /// What is wrong with the file, one line each.
  virtual std::vector<std::string> check() = 0;
};

/// The engine of the file `path`, SQLite. To be called inside the writer gate, unless read-only.
std::unique_ptr<DictEngine> open_sqlite_dict(const std::string& path, bool read_only);

}  // namespace h5flume::persistent
