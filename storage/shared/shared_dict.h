#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/shared/shared_dict_options.h"
#include "storage/shared/shared_dict_status.h"
#include "storage/shared/shared_key.h"
#include "storage/shared/shared_value.h"

namespace h5flume {

namespace shared {
class DictCore;
}  // namespace shared

/// A key with its value.
struct SharedItem {
  SharedKey key;
  Json value;
};

/// An ordered dict that live processes share through shared memory. No server: what one writes the
/// others see with their next read, and no process can break it by dying at any instruction.
///
///   auto dict = SharedDict::create_or_attach("run7");
///   dict.set("learning_rate", 1e-3);
///   dict.increment("rows", 4096);
///   if (const auto rate = dict.get<double>("learning_rate")) use(*rate);
///   for (const auto& [key, value] : dict.items()) std::cout << key.name() << " " << value;
///
/// Entries keep the order in which their keys were first set. Every call that changes something is
/// one commit, seen whole by others or not at all; transaction() joins several into one. Reads see
/// every commit that was made before they began, and never go back.
///
/// Each SharedDict holds a local copy, brought up to date by each call from the stream of changes;
/// that costs one load when nothing has changed. What that means byte by byte, and why it is right:
/// docs/shared-dict.md.
///
/// All members throw kRefused in a child by fork(), kCancelled after close(), kCorruptData if the
/// segment does not make sense, kOutOfMemory if shared memory is short; the dict is then as before
/// the call. Those that write throw kTimeout after SharedDictOptions::lock_timeout, kResourceLimit
/// beyond SharedDictOptions::most_bytes, kInvalidArgument for text that is not UTF-8 and what the
/// serializer refuses.
///
/// Lifetime: destruction detaches, and unlinks the dict if this is the creator with auto_unlink. A
/// nested dict keeps what it came from attached.
/// Threads: for one at a time, const members included, nested dicts together with what they came
/// from. Other threads attach for themselves: another().
class SharedDict {
 public:
  // --- coming and going
  // ---------------------------------------------------------------------------

  /// Makes a dict. An empty name stands for a random one, see name(). Names are 1 to 100 letters,
  /// digits, '_', '-' and '.', and do not begin with '.'. Throws kConflict if there is one of this
  /// name, kInvalidArgument, kUnsupported for a file system that cannot hold it.
  static SharedDict create(const std::string& name, const SharedDictOptions& options = {});

  /// Throws kNotFound if there is none, kRefused if it is not for this user, kCorruptData,
  /// kUnsupported for another version, kResourceLimit for more than 1,024 attachments.
  static SharedDict attach(const std::string& name, const SharedDictOptions& options = {});

  static SharedDict create_or_attach(const std::string& name,
                                     const SharedDictOptions& options = {});

  /// Attaches once more, for another thread.
  SharedDict another() const;

  SharedDict(SharedDict&&) noexcept;
  SharedDict& operator=(SharedDict&&) noexcept;
  ~SharedDict();

  /// Detaches, as destruction does, and throws if something is wrong with that. Nested dicts that
  /// came from here are closed too.
  void close();

  /// Takes the name away: nobody else can attach, another dict may take it. Who is attached goes
  /// on; the last to leave removes the memory. No effect if repeated.
  void unlink();

  const std::string& name() const noexcept;
  const SharedDictOptions& options() const noexcept;

  // --- reading
  // ------------------------------------------------------------------------------------

  /// The value, or nothing if the key is not there. T is any of SharedValue::as(), or Json. Throws
  /// kInvalidArgument if the value is not a T.
  template <class T = Json>
  std::optional<T> get(const SharedKeyView& key) const;
  template <class T>
  T get(const SharedKeyView& key, T fallback) const {
    auto found = get<T>(key);
    return found ? std::move(*found) : std::move(fallback);
  }
  Json at(const SharedKeyView& key) const;  ///< throws kNotFound

  /// The value in place, or nullptr: the fastest way to read. It stays until the next call of any
  /// member but data() on this object, or one that shares its local copy.
  const SharedValue* find(const SharedKeyView& key) const;

  bool contains(const SharedKeyView& key) const { return find(key) != nullptr; }
  std::size_t size() const;
  bool empty() const { return size() == 0; }

  std::vector<SharedKey> keys() const;  ///< in order, as the next two
  std::vector<Json> values() const;
  std::vector<SharedItem> items() const;

  /// Calls `visit` for each entry in order, without copying. It must not call members of this dict.
  void for_each(const std::function<void(SharedKeyView, const SharedValue&)>& visit) const;

  /// All of it as one JSON object, nested dicts too; integer keys become text, bytes become the
  /// serializer-independent {"bytes": "hexadecimal"}.
  Json to_json() const;

  /// Same keys with the same values, in whatever order.
  bool operator==(const SharedDict& other) const;
  bool operator==(const Json& object) const;

  /// The local copy as it is, for reads that need no freshness: nothing shared is touched.
  class Data {
   public:
    const SharedValue* find(const SharedKeyView& key) const;
    std::size_t size() const;
    std::uint64_t version() const;  ///< the version that it is a copy of
    void for_each(const std::function<void(SharedKeyView, const SharedValue&)>& visit) const;

   private:
    friend class SharedDict;
    Data(const shared::DictCore* core, std::uint32_t node) : core_(core), node_(node) {}
    const shared::DictCore* core_;
    std::uint32_t node_;
  };
  /// Lifetime: that of this object.
  Data data() const;

  // --- writing
  // ------------------------------------------------------------------------------------

  void set(const SharedKeyView& key, const SharedInput& value);
  void update(std::span<const SharedItem> items);  ///< all of them in one commit
  void update(const Json& object);

  bool erase(const SharedKeyView& key);               ///< false if it is not there
  std::optional<Json> pop(const SharedKeyView& key);  ///< erases it
  std::optional<SharedItem> popitem();                ///< the last one; nothing if there is none
  Json setdefault(const SharedKeyView& key,
                  const SharedInput& value);  ///< what is there, or now is
  void clear();

  /// Sets the value if what is there equals `expected` (nothing: is not there). `desired` of
  /// nothing erases it. False, and no change, if it differs.
  bool compare_and_swap(const SharedKeyView& key, const std::optional<SharedInput>& expected,
                        const std::optional<SharedInput>& desired);

  /// Adds to a number, 0 if the key is not there, and returns the sum. Throws kInvalidArgument for
  /// what is no integer, and if 64 bits do not hold the sum.
  std::int64_t increment(const SharedKeyView& key, std::int64_t by = 1);
  double increment_real(const SharedKeyView& key, double by);

  /// Runs `change` under the lock and makes one commit of all that it does to this dict and the
  /// nested dicts that share its attachment. It reads what it has written. If it throws, nothing
  /// has happened. Transactions within it join it.
  void transaction(const std::function<void()>& change);

  // --- nested dicts
  // -------------------------------------------------------------------------------

  /// The dict that is the value of `key`: set as a Json object under SharedDictOptions::recurse, or
  /// by make_nested(). Throws kNotFound, kInvalidArgument if the value is something else. Members
  /// of a nested dict throw kNotFound when its key has been erased or set anew.
  SharedDict nested(const SharedKeyView& key) const;

  /// The same, made empty if the key is not there. Works without `recurse` too.
  SharedDict make_nested(const SharedKeyView& key);

  // --- changes
  // ------------------------------------------------------------------------------------

  /// Counts commits: 0 for a new dict, one more with each. Equal versions, equal contents.
  std::uint64_t version() const;

  /// Waits until the version is another than `since`, and returns it; nothing if `timeout`
  /// (nothing: none) passes first. Others are woken at once by a commit. A signal does not end it.
  std::optional<std::uint64_t> wait_for_change(
      std::uint64_t since, std::optional<std::chrono::milliseconds> timeout = std::nullopt) const;

  /// Brings the local copy up to date, as every read does. Returns its version.
  std::uint64_t refresh() const { return version(); }

  /// Writes a full dump and begins a new stream. Done by itself when the stream's room is used up.
  void dump();

  /// Builds the local copy anew from the last dump and the stream.
  void reload() const;

  // --- the lock
  // -----------------------------------------------------------------------------------

  /// The right to write, held across calls. Calls on the dict it came from do not wait for it.
  ///
  /// A holder that dies loses it to the next who wants it. Released by destruction.
  class [[nodiscard]] Lock {
   public:
    Lock(Lock&& other) noexcept : core_(std::move(other.core_)) {}
    Lock& operator=(Lock&& other) noexcept {
      std::swap(core_, other.core_);
      return *this;
    }
    ~Lock() { release(); }

    void release() noexcept;  ///< before the scope ends; no effect if repeated

    /// Whether it was stolen. Writes by the one it was stolen from throw kConflict until it has
    /// released it.
    bool is_stolen() const noexcept;

   private:
    friend class SharedDict;
    explicit Lock(std::shared_ptr<shared::DictCore> core) : core_(std::move(core)) {}
    std::shared_ptr<shared::DictCore> core_;
  };

  /// Waits for ever, or throws kTimeout, naming the holder, after `timeout`. May be taken again by
  /// who holds it.
  Lock lock(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  /// Nothing if it cannot be had at once.
  std::optional<Lock> try_lock();

  /// As lock(), but after `patience` takes it from a live holder, who is known or believed to hang.
  /// Never needed for the dead. One who is in the middle of a commit is waited for all the same:
  /// for as long again, then kTimeout.
  Lock steal_lock(std::chrono::milliseconds patience);

  /// The process id of who holds the lock now, as it calls itself.
  std::optional<std::int64_t> lock_holder() const;

  // --- looking in
  // ---------------------------------------------------------------------------------

  SharedDictStatus status() const;

 private:
  SharedDict(std::shared_ptr<shared::DictCore> core, std::uint32_t node);

  shared::DictCore& core() const;
  [[noreturn]] void throw_wrong_kind(const SharedKeyView& key, const SharedValue& value) const;
  Json json_of(const SharedValue& value) const;

  std::shared_ptr<shared::DictCore> core_;
  std::uint32_t node_ = 0;
};

template <class T>
std::optional<T> SharedDict::get(const SharedKeyView& key) const {
  const SharedValue* const found = find(key);
  if (!found) return std::nullopt;
  if constexpr (std::same_as<T, Json>) {
    return json_of(*found);
  } else {
    auto value = found->template as<T>();
    if (!value) throw_wrong_kind(key, *found);
    return value;
  }
}

}  // namespace h5flume
