#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/persistent/durability.h"
#include "storage/persistent/json.h"
#include "storage/persistent/key.h"

namespace h5flume {

namespace persistent {
class DictState;
class DictScan;
}  // namespace persistent

struct DictOptions {
  /// Makes the dict if it is not there.
  bool create = true;
  bool read_only = false;

  Durability durability = Durability::kProcess;

  /// With Durability::kBatched: how many changed keys are written together. No more than so many
  /// changes are ever lost, and others see changes no later than that. If they cannot be written,
  /// the call throws, and they stay batched for the next that writes.
  std::size_t sync_at = 1000;

  /// Memory for values that have been read or written lately, in bytes of JSON.
  std::size_t cache_bytes = std::size_t{64} << 20U;
};

/// A key with its value.
struct DictItem {
  Key key;
  Json value;
};

/// A value, and the number that changes whenever it is set: see compare_and_set().
struct VersionedValue {
  Json value;
  std::uint64_t version = 0;
};

/// One pass over a dict: range-for, or next().
///
/// Lifetime: not beyond the dict. Threads: for one.
class DictItems {
 public:
  explicit DictItems(std::unique_ptr<persistent::DictScan> scan);
  DictItems(DictItems&&) noexcept;
  ~DictItems();

  /// Nothing at the end.
  std::optional<DictItem> next();

  class Iterator {
   public:
    using value_type = DictItem;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(DictItems* items) : items_(items) { ++*this; }

    const DictItem& operator*() const { return *item_; }
    const DictItem* operator->() const { return &*item_; }
    Iterator& operator++() {
      item_ = items_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t /*end*/) const { return !item_; }

   private:
    DictItems* items_ = nullptr;
    std::optional<DictItem> item_;
  };

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::unique_ptr<persistent::DictScan> scan_;
};

/// An ordered dict of JSON values in a folder on disk, which any number of threads and processes
/// use at once and no death of any of them can damage.
///
///   PersistentDict dict("settings.dict");
///   dict.set("learning_rate", 1e-3);
///   dict.set(Key::tuple("/images", 4096), {{"mean", 0.5}});
///   dict.update("epoch", [](Json epoch) { return epoch.is_null() ? 1 : epoch.get<int>() + 1; });
///   for (const auto& [key, value] : dict.items()) std::cout << key.json_text() << " " << value;
///
/// Entries keep the order in which their keys were first set; a key that is erased and set again
/// goes to the end.
///
/// What one process writes the others see when the call has returned, unless it is batched or held;
/// what survives which death is said by DictOptions::durability. Every member is one transaction. A
/// value that cannot be kept (NaN, text that is not UTF-8) throws kInvalidArgument and changes
/// nothing. All members throw kOutOfMemory for a full disk, kCorruptData for a damaged file, kIo
/// and so on, naming the dict; the dict is then as it was before the call.
///
/// How it works and what its files hold: docs/persistent-dict.md.
///
/// Lifetime: destruction writes what is batched or held; close() does the same and throws if it
/// cannot. Threads: all members may be called by any at once. Fork: a child opens the dict anew;
/// members throw kRefused in it.
class PersistentDict {
 public:
  /// Opens the dict in the folder `path`. Throws kNotFound, kInvalidArgument (a file, or another
  /// kind of store), kRefused (a network file system), kCorruptData, kUnsupported (a later
  /// version).
  explicit PersistentDict(const std::string& path, const DictOptions& options = {});
  PersistentDict(PersistentDict&&) noexcept;
  PersistentDict& operator=(PersistentDict&&) noexcept;
  ~PersistentDict();

  // --- reading ----------------------------------------------------------------------------------

  std::optional<Json> find(const Key& key) const;
  Json at(const Key& key) const;                  ///< throws kNotFound
  Json get(const Key& key, Json fallback) const;  ///< `fallback` if it is not there
  std::optional<VersionedValue> find_versioned(const Key& key) const;
  bool contains(const Key& key) const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }

  enum class View {
    kSnapshot,  ///< as the dict is now, whatever is written meanwhile. While one exists, what
                ///< others write adds to the files on disk, so it is not for keeping
    kLive,      ///< some hundred entries read at a time; what is added meanwhile is visited too
  };

  /// All entries in order, in bounded memory.
  DictItems items(View view = View::kSnapshot) const;
  std::vector<Key> keys() const;
  std::vector<Json> values() const;

  /// The same keys with the same values in the same order.
  bool operator==(const PersistentDict& other) const;

  // --- writing ----------------------------------------------------------------------------------

  void set(const Key& key, const Json& value);
  void update(std::span<const DictItem> items);  ///< all of them, or none

  bool erase(const Key& key);                   ///< false if it is not there
  std::optional<Json> pop(const Key& key);      ///< erases it
  Json setdefault(const Key& key, Json value);  ///< the value that is there, or now is
  void clear();

  /// Sets the value if it is still the one with this version; version 0: if there is none.
  bool compare_and_set(const Key& key, std::uint64_t version, const Json& value);

  /// Sets the value if it is equal to `expected`; nothing: if there is none.
  bool compare_and_swap(const Key& key, const std::optional<Json>& expected, const Json& desired);

  /// Sets the value to what `change` makes of it; null stands for none. Nobody else writes
  /// meanwhile; `change` may use this dict. Returns the new value. What `change` throws goes on,
  /// and nothing has changed.
  Json update(const Key& key, const std::function<Json(Json)>& change);

  /// Parts of a value, by JSON pointers (RFC 6901) as "/layers/0/bias"; "" is the whole. Each
  /// throws kNotFound if there is no such key or, where a part has to be there, no such part, and
  /// kInvalidArgument if the path is no pointer or the part of another type.
  Json at(const Key& key, std::string_view path) const;
  void set(const Key& key, std::string_view path, const Json& value);  ///< "-" or the size appends
  void append(const Key& key, std::string_view path, const Json& value);
  Json increment(const Key& key, std::string_view path, const Json& by = 1);  ///< from 0, if absent
  void erase(const Key& key, std::string_view path);

  // --- together
  // -----------------------------------------------------------------------------------

  /// While it lives, nobody else can write, in this process or in another; reading goes on.
  class [[nodiscard]] Lock {
   public:
    Lock(Lock&&) noexcept;
    Lock& operator=(Lock&&) noexcept;
    ~Lock();

   private:
    friend class PersistentDict;
    struct Pass;
    explicit Lock(std::unique_ptr<Pass> pass);
    std::unique_ptr<Pass> pass_;
  };

  /// Waits for its turn. A thread may take it more than once, and gives it back itself. A process
  /// that dies gives it back.
  Lock lock();

  /// Nothing if it cannot be had within `timeout`.
  std::optional<Lock> try_lock(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));

  /// Whether anybody holds it.
  bool locked() const;

  // --- synchronisation
  // ----------------------------------------------------------------------------

  /// Keeps what is set from now on in this process, where its reads see it, until unhold() or
  /// sync().
  void hold();
  void unhold();  ///< and writes what was held

  /// Writes what is batched or held, and makes all that has been acknowledged survive the machine's
  /// going down.
  void sync();
  void sync_key(const Key& key);  ///< that of one key

  /// Drops what is batched or held.
  void revert();

  /// The keys whose values are batched or held, in the order of their changes.
  std::vector<Key> dirty() const;

  /// Counts the value as changed, so that the next sync() writes it over what others have written.
  void mark_dirty(const Key& key);

  /// Writes what is batched or held, and ends the use of the dict; later calls throw kCancelled.
  void close();

  /// Looks through everything that is kept. Returns what is wrong, one line each; none in good
  /// order.
  std::vector<std::string> check() const;

  const std::string& path() const noexcept;
  const DictOptions& options() const noexcept;

 private:
  /// Changes a value in place, in one step.
  void change_part(const Key& key, std::string_view path,
                   const std::function<void(Json&, const Json::json_pointer&)>& change);

  std::unique_ptr<persistent::DictState> state_;
};

}  // namespace h5flume
