#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/shared_memory.h"

namespace h5flume {

class Operation;
class StagePoolState;
class StageState;

/// The memory of a stage.
class StageMemory {
 public:
  /// Of this process, or that worker processes can be given.
  enum class Kind { kProcess, kShared };

  /// Throws kOutOfMemory, kResourceLimit.
  StageMemory(Kind kind, std::size_t bytes);

  Kind kind() const noexcept { return shared_ ? Kind::kShared : Kind::kProcess; }
  std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// Of kShared, else null.
  const std::shared_ptr<const SharedMemory>& shared() const noexcept { return shared_; }

 private:
  std::unique_ptr<std::byte[]> own_;
  std::shared_ptr<const SharedMemory> shared_;
  std::span<std::byte> bytes_;
};

/// The right to use a stage, given back by destruction.
class [[nodiscard]] StageHold {
 public:
  explicit StageHold(std::shared_ptr<StageState> stage) noexcept : stage_(std::move(stage)) {}
  StageHold(const StageHold&) = delete;
  StageHold& operator=(const StageHold&) = delete;
  ~StageHold();

  const StageMemory& memory() const noexcept;

 private:
  std::shared_ptr<StageState> stage_;
};

/// A stage: its memory, who has it, and who waits for it.
///
/// Threads: all members may be called by any at once.
class StageState : public std::enable_shared_from_this<StageState> {
 public:
  explicit StageState(StageMemory memory, std::weak_ptr<StagePoolState> pool = {})
      : memory_(std::move(memory)), pool_(std::move(pool)) {}

  const StageMemory& memory() const noexcept { return memory_; }

  /// Starts the request as soon as the stage is free and those are done that came before.
  void start_in_turn(const std::shared_ptr<Operation>& operation);

  /// Starts the request on the stage, which is the caller's.
  void start(const std::shared_ptr<Operation>& operation, std::unique_ptr<StageHold> hold);

 private:
  friend class StageHold;
  void give_back() noexcept;

  const StageMemory memory_;
  const std::weak_ptr<StagePoolState> pool_;
  std::mutex mutex_;  // guards what is below
  bool is_held_ = false;
  std::deque<std::shared_ptr<Operation>> waiting_;
};

/// Stages that take turns.
///
/// Threads: all members may be called by any at once.
class StagePoolState : public std::enable_shared_from_this<StagePoolState> {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;  ///< nothing: for ever

  static std::shared_ptr<StagePoolState> make(StageMemory::Kind kind, std::size_t bytes,
                                              std::size_t count);

  const std::shared_ptr<StageState>& front() const noexcept { return stages_.front(); }
  std::size_t size() const noexcept { return stages_.size(); }
  std::size_t free_stages() const;

  /// The stage that was free for longest. Nothing if there is none by the deadline, or once
  /// `is_pointless` says so, which is asked at every wake_all().
  std::shared_ptr<StageState> take(const Deadline& deadline,
                                   const std::function<bool()>& is_pointless);
  void wake_all() noexcept;
  void give_back(std::shared_ptr<StageState> stage) noexcept;

 private:
  std::vector<std::shared_ptr<StageState>> stages_;
  mutable std::mutex mutex_;  // guards what is below
  std::condition_variable freed_;
  std::deque<std::shared_ptr<StageState>> free_;
};

}  // namespace h5flume
