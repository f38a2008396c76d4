#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/error.h"
#include "readers/hdf5/storage_map.h"
#include "readers/random/request_spec_internal.h"
#include "readers/random/stage_state_internal.h"

namespace h5flume {

/// A box that a request takes something of.
struct BoxJob {
  std::uint64_t part = 0;  ///< its number in the BoxPlan
  std::uint64_t box = 0;
  hdf5::StoredChunk stored;
};

/// One request under way.
///
///   waiting for its stage --start()--> under way --last run ends--> done
///                  '------- cancel() or fail(): done at once, or with the runs under way --'
///
/// Its boxes are given out in runs; whoever has time takes one: a thread of the engine, or a thread
/// that waits for the request. So a request that nobody has begun is done by the one who waits.
///
/// Threads: all members may be called by any at once.
class Operation : public std::enable_shared_from_this<Operation> {
 public:
  using Clock = std::chrono::steady_clock;
  using Deadline = std::optional<Clock::time_point>;  ///< nothing: for ever

  /// What becomes of the elements. Those of kWarmCache go to the cache only.
  enum class Purpose { kDeliver, kWarmCache };

  /// `done` is called once it is done, by the thread that does the last of it.
  Operation(std::shared_ptr<const RequestSpec> spec, Purpose purpose, std::function<void()> done);
  ~Operation();

  const RequestSpec& spec() const noexcept { return *spec_; }
  Purpose purpose() const noexcept { return purpose_; }

  /// Gives it its memory, see RequestSpec::room_in(), which `hold` keeps; next_run() has something
  /// from now on. False, and `hold` is left alone, if it is done already, for it was cancelled.
  bool start(std::span<std::byte> out, std::unique_ptr<StageHold>&& hold);

  /// Where the elements are, once it is done, until let_go(); before that, where they may go.
  std::span<std::byte> out() const noexcept { return out_; }

  /// For whoever reads it as a whole, before end_run(): what the result takes of out(), if it is of
  /// elements of variable length. Throws kResourceLimit, a cause only, if out() has not so much.
  void set_result_bytes(std::uint64_t bytes);

  /// Once it is done: as it was set; 0 if it was not.
  std::uint64_t result_bytes() const noexcept { return result_bytes_; }

  /// Nobody looks at the elements any more: the stage is given back, when it is done. If it was not
  /// begun it is cancelled.
  void let_go() noexcept;

  /// Works out which boxes come first, where somebody has time for that.
  void plan();

  /// Boxes that lie near each other in the file, for the caller to read, and to call end_run()
  /// afterwards. False if there are none left to begin.
  bool next_run(std::vector<BoxJob>& run);

  /// For whoever reads the request as a whole, instead of next_run(). False if it is not to be
  /// begun any more. `interrupt` is called, under a lock, if the result is no longer wanted before
  /// end_run(): it must not wait, nor call this.
  bool begin_whole(std::function<void()> interrupt);

  /// The memory of its stage, where worker processes can be given that; between begin_whole() and
  /// end_run(). Null: out() is not in a stage, or in one of this process.
  std::shared_ptr<const SharedMemory> shared_memory() const;

  /// Whether the result is still wanted: false once it has an error.
  bool is_wanted() const;

  /// A run is over. The first error, whose message is a cause, is that of the request.
  void end_run(const std::optional<Error>& error);

  /// Ends it with an error as soon as no run is under way. No effect if it is done.
  void fail(const Error& error);
  void cancel();

  bool is_done() const;

  /// Waits until it has started, and until it is done. False if the deadline has passed.
  bool wait_until_started(const Deadline& deadline) const;
  bool wait_until_done(const Deadline& deadline) const;

  /// Once it is done: throws its error, if it has one.
  void throw_error() const;

 private:
  enum class State { kWaiting, kUnderWay, kEnding, kDone };

  void plan_more();
  bool may_begin() const noexcept { return state_ == State::kUnderWay && !error_; }
  bool may_end() const noexcept;
  void end(std::unique_lock<std::mutex> lock);
  template <class Condition>
  bool wait(const Deadline& deadline, Condition condition) const;

  const std::shared_ptr<const RequestSpec> spec_;
  const Purpose purpose_;
  std::function<void()> on_done_;
  std::span<std::byte> out_;        // set before the state is kUnderWay, cut before kDone
  std::uint64_t result_bytes_ = 0;  // set before kDone

  mutable std::mutex mutex_;  // guards everything below
  mutable std::condition_variable changed_;
  State state_ = State::kWaiting;
  std::unique_ptr<StageHold> hold_;  // until it is done, and was let go or failed
  bool is_let_go_ = false;
  std::optional<Error> error_;
  unsigned runs_under_way_ = 0;
  std::function<void()> interrupt_;
  bool all_begun_ = false;
  std::uint64_t next_part_ = 0;
  std::vector<BoxJob> planned_;  // in the order of their addresses
  std::size_t next_job_ = 0;
};

}  // namespace h5flume
