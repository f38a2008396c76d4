#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/persistent/dict/change_log_internal.h"
#include "storage/persistent/dict/dict_engine_internal.h"
#include "storage/persistent/dict/shared_text_internal.h"

namespace h5flume::persistent {

/// Lets maps with std::string keys be asked for a std::string_view.
///
/// Not noexcept, which is how libstdc++ is told to keep each key's hash beside it: a look into a
/// large map then fetches the one key that it is for, and not also its neighbour's to hash that.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

/// What a handle knows of a dict's keys: all changes that stand in the log and not yet in the
/// engine
/// ("pending"), and what has been read lately. All of it is true as long as every change of the log
/// goes through apply().
///
/// Threads: for one at a time.
class DictCache {
 public:
  struct Entry {
    SharedText value;            ///< empty: the key is not there
    std::uint64_t version = 0;   ///< 0: the key is not there
    std::uint64_t sequence = 0;  ///< 0: not known
    bool is_known = false;       ///< whether value and version say anything
    bool pending = false;
    bool was_erased = false;  ///< by a pending change: if it is there, it goes last
    std::uint64_t order = 0;  ///< of pending entries that go last: the version that made it
  };

  /// `limit_bytes` are for what is not pending; what is pending is bounded by the log.
  explicit DictCache(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  const Entry* find(std::string_view key) const;

  /// What the engine says of a key that is not here.
  const Entry& learn(std::string_view key, const std::optional<DictRow>& row);

  /// A change of the log.
  void apply(const LoggedChange& change);

  std::size_t pending_count() const noexcept { return pending_.size(); }

  /// How many entries the pending changes make more (or fewer) than the engine has. `engine_has` is
  /// asked about keys that this knows nothing of, once each.
  std::int64_t growth(const std::function<bool(std::string_view key)>& engine_has);

  /// What apply() of an engine wants: the pending changes, new keys in their order. Good until the
  /// next call of a member other than settle().
  std::vector<DictChange> pending();

  /// The engine has got all that was pending; `applied` is what pending() gave and apply() has
  /// filled in, or nothing.
  void settle(std::span<const DictChange> applied = {});

  void clear();

 private:
  using Entries = std::pmr::unordered_map<std::string, Entry, TextHash, std::equal_to<>>;

  Entries::value_type& entry_of(std::string_view key);
  void set_value(Entry& entry, SharedText value);
  void make_room();
  void nothing_is_pending();

  std::size_t limit_bytes_;
  std::size_t bytes_ = 0;
  std::pmr::unsynchronized_pool_resource memory_;
  Entries entries_{&memory_};
  std::vector<Entries::value_type*> pending_;
  bool pending_in_order_ = true;  // by Entry::order
  std::int64_t growth_ = 0;       // as if the engine had none of those that are unsure
  std::vector<Entries::value_type*> unsure_;
};

}  // namespace h5flume::persistent
