#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/shared/attachment_internal.h"
#include "storage/shared/dict_lock_internal.h"
#include "storage/shared/generation_internal.h"
#include "storage/shared/replica_internal.h"
#include "storage/shared/shared_dict_options.h"
#include "storage/shared/shared_dict_status.h"

namespace h5flume::shared {

// One attachment to a dict, with its local copy: what a SharedDict and the nested dicts that come
// from it have in common.
//
//   read:  commit word -> (changed?) frames of the stream, or a new generation -> replica
//   write: lock -> read -> replica and frame -> stream -> commit word -> unlock, wake
//
// Threads: for one.
class DictCore {
 public:
  enum class Opening { kCreate, kAttach, kCreateOrAttach };

  // As SharedDict::create() and its like.
  static std::shared_ptr<DictCore> open(const std::string& name, const SharedDictOptions& options,
                                        Opening opening);
  DictCore(const DictCore&) = delete;
  DictCore& operator=(const DictCore&) = delete;
  ~DictCore();

  void close();
  void unlink();

  const std::string& name() const noexcept { return name_; }
  const SharedDictOptions& options() const noexcept { return options_; }
  const SharedSerializer& serializer() const noexcept { return serializer_; }
  bool recurse() const noexcept { return recurse_; }

  // "set in shared dict 'x'", for messages.
  std::string operation(std::string_view what) const;

  // --- reading
  // ------------------------------------------------------------------------------------

  // Brings the replica up to date.
  void refresh() {
    // acquire: all frames before that position, and the segment they lie in, are visible.
    const std::uint64_t commit = segment_->commit.load(std::memory_order_acquire);
    // The second, because a damaged word may be any.
    if (commit != seen_commit_ || seen_commit_ == kNothingSeen) catch_up();
  }
  const Replica& replica() const noexcept { return replica_; }
  void reload();

  std::optional<std::uint64_t> wait_for_change(std::uint64_t since,
                                               std::optional<std::chrono::milliseconds> timeout);

  // --- writing
  // ------------------------------------------------------------------------------------

  // Holds the lock for one change. Without commit() nothing has happened. In a transaction it is
  // only a part of that.
  class [[nodiscard]] Change {
   public:
    // `about_bytes`: at most as much as its operations will take, as far as that is known.
    Change(DictCore& core, std::size_t about_bytes);
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ~Change();

    void set(const Replica::Place& place, const PlainValue& value);
    void erase(const Replica::Place& place);
    void clear_node(std::uint32_t node);
    // Sets an empty nested dict; returns its node.
    std::uint32_t set_node(const Replica::Place& place);

    void commit();

   private:
    DictCore& core_;
    bool is_touched_ = false;  // the replica has been changed
  };

  void transaction(const std::function<void()>& change);
  void dump();

  // Removes segments of this dict that are no longer used. Returns their names; none if the lock is
  // not free.
  std::vector<std::string> tidy();

  // --- the lock
  // -----------------------------------------------------------------------------------

  enum class Patience { kWait, kSteal };
  // False if it is not to be had within the timeout.
  bool hold(std::optional<std::chrono::milliseconds> timeout, Patience patience);
  void let_go() noexcept;
  bool is_stolen() const noexcept { return lock_->is_stolen(); }
  std::optional<std::int64_t> lock_holder() const;
  [[noreturn]] void throw_lock_timeout() const;

  SharedDictStatus status();

 private:
  friend class Change;
  // No committed position: the replica is not up to date, or not to be used at all.
  static constexpr std::uint64_t kNothingSeen = ~std::uint64_t{0};

  DictCore(SegmentFolder folder, std::string name, SharedDictOptions options);

  bool create();
  bool attach();
  void take_options(const ControlFile& control);
  void use(std::unique_ptr<Attachment> attachment);

  // Throws kRefused in a child by fork(), kCancelled after close().
  void check_usable() const;
  void catch_up();
  std::unique_ptr<Generation> open_generation() const;
  std::unique_ptr<Generation> try_open(std::uint64_t number) const;
  void apply_until(std::uint64_t position);
  [[noreturn]] void throw_corrupt(std::string_view what) const;
  // What was done to the replica is to be undone: it is built anew when it is next needed.
  void forget_replica() noexcept;

  void take_lock(bool to_commit);
  void begin(std::size_t about_bytes);
  void end() noexcept;
  void end_of_commits() noexcept;
  void recover();
  void commit_frame();
  [[noreturn]] void throw_stolen() const;

  bool has_room(std::size_t frame_bytes) const noexcept;
  // Writes the replica as a new generation and commits it. False if it would be too large with
  // room for `frame_bytes` more.
  bool write_generation(std::uint64_t version, std::size_t frame_bytes);
  std::vector<std::string> remove_other_generations() const;

  SegmentFolder folder_;
  std::string name_;
  SharedDictOptions options_;
  SharedSerializer serializer_;
  bool recurse_ = false;
  bool is_creator_ = false;
  bool is_closed_ = false;

  std::shared_ptr<SegmentMapping> control_mapping_;  // outlives the attachment
  ControlSegment* segment_ = nullptr;
  std::uint64_t seen_commit_ = kNothingSeen;  // what the replica is up to date with
  Replica replica_;
  std::unique_ptr<Generation> generation_;  // the one that the replica's position is in
  std::uint64_t position_ = 0;
  bool is_stale_ = true;  // the replica is of no use

  std::unique_ptr<Attachment> attachment_;
  std::unique_ptr<DictLock> lock_;
  int holds_ = 0;  // how often the lock is held across calls
  bool in_transaction_ = false;
  bool owes_wake_ = false;  // a commit has been made under the lock that is held
  FrameWriter frame_;

  std::uint64_t frames_applied_ = 0;
  std::uint64_t snapshots_loaded_ = 0;
  std::uint64_t commits_made_ = 0;
  std::uint64_t dumps_made_ = 0;
};

}  // namespace h5flume::shared
