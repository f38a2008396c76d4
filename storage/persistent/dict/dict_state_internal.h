#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/persistent/dict/change_log_internal.h"
#include "storage/persistent/dict/dict_cache_internal.h"
#include "storage/persistent/dict/dict_engine_internal.h"
#include "storage/persistent/persistent_dict.h"
#include "storage/persistent/writer_gate_internal.h"

namespace h5flume::persistent {

/// A value's text with its version; of a change that is held, version 0.
struct StoredValue {
  SharedText text;  ///< empty: the key is not there
  std::uint64_t version = 0;
};

/// A change that is batched or held: in this process alone.
struct HeldChange {
  SharedText text;  ///< empty: erased
  std::uint64_t order = 0;
  bool was_erased = false;
};

/// What is behind a PersistentDict, in terms of text.
///
///   set -> [held] -> log -> engine
///
/// A read asks in that order. A write goes to the log under the gate, or is held first, if it is
/// batched or held; when the log is full, who writes gives what is in it to the engine.
///
/// Locks: the gate (may be entered again by its thread), then the mutex, never the other way round.
/// The mutex is for the members of this object; what others do at the same time is seen by
/// catch_up().
///
/// Threads: all members may be called by any at once.
class DictState {
 public:
  DictState(const std::string& path, const DictOptions& options);
  ~DictState();
  DictState(const DictState&) = delete;
  DictState& operator=(const DictState&) = delete;

  StoredValue find(std::string_view key);
  std::size_t size();

  void set(std::string_view key, std::string_view text);
  void set_all(std::span<const std::pair<std::string, std::string>> entries);
  bool erase(std::string_view key);

  /// Asks for a value, and writes what `change` makes of it, with nobody writing in between.
  /// Nothing stands for no value; what comes back as it was is not written.
  using Change = std::function<std::optional<std::string>(const StoredValue& value)>;
  void transform(std::string_view key, const Change& change);

  void clear();

  void hold();
  void unhold();
  void sync();
  void sync_key(std::string_view key);
  void revert();
  void mark_dirty(std::string_view key);
  std::vector<std::string> dirty();
  void close();
  std::vector<std::string> check();

  WriterGate& gate() noexcept { return gate_; }
  const std::string& path() const noexcept { return path_; }
  const DictOptions& options() const noexcept { return options_; }

  /// Entries that a look at the engine does not show yet, or not any more.
  struct Overlay {
    struct Entry {
      SharedText text;  ///< empty: erased
      bool goes_last = false;
    };
    std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> entries;
    std::vector<std::string> order;  ///< of those that come after all that the engine has
  };

  /// A look at the engine that stays as it is, and all that is missing from it.
  std::pair<std::unique_ptr<DictView>, Overlay> snapshot();

  /// The next entries of the engine, which has been given all that others can see, and what is
  /// missing: what is held.
  std::pair<std::vector<DictRow>, Overlay> live_page(std::uint64_t after, std::size_t limit);

 private:
  using Held = std::pmr::unordered_map<std::string, HeldChange, TextHash, std::equal_to<>>;

  // The right to look at the members, in a dict that is not closed.
  std::unique_lock<std::mutex> look();

  // The right to change them and the files too, when all that others have written is known.
  struct [[nodiscard]] Inside {
    WriterGate::Pass pass;
    std::unique_lock<std::mutex> lock;
  };
  Inside enter();

  // Keeps changes in this process if they are batched or held, and writes the batch once it is
  // full. False if they are to be written at once.
  bool held_back(const std::function<void()>& keep_changes);

  void check_writable() const;
  bool holds() const noexcept { return holding_ || options_.durability == Durability::kBatched; }
  bool is_batch_full() const noexcept { return !holding_ && held_.size() >= options_.sync_at; }
  bool is_durable() const noexcept { return options_.durability != Durability::kProcess; }

  // With the mutex.
  StoredValue find_here(std::string_view key);
  StoredValue find_shared(std::string_view key);
  void catch_up();
  std::int64_t shared_size();
  void keep(std::string_view key, SharedText text);
  std::vector<Held::value_type*> held_in_order();
  void add_held_to(Overlay& overlay);

  // With the gate and the mutex.
  void catch_up_in_gate();
  void write(LoggedChange change);
  void drop_marked(std::string_view key);
  void append(std::span<LoggedChange> changes);
  void give_to_engine();
  void apply_directly(std::span<LoggedChange> changes);
  void write_held(std::span<Held::value_type* const> held);
  void write_all_held() { write_held(held_in_order()); }

  std::string path_;
  DictOptions options_;
  WriterGate gate_;

  std::mutex mutex_;
  std::unique_ptr<DictEngine> engine_;
  std::unique_ptr<ChangeLog> log_;
  ChangeLog::Position read_to_;  // everything of the log up to here is in cache_
  DictCache cache_;
  std::pmr::unsynchronized_pool_resource held_memory_;  // thousands of nodes come and go together
  Held held_{&held_memory_};
  std::uint64_t held_order_ = 0;
  bool holding_ = false;
  bool closed_ = false;
};

}  // namespace h5flume::persistent
