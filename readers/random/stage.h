#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace h5flume {

class StageState;
class StagePoolState;

/// Memory that requests are read into, allocated once. Made by Dataset::stage().
///
/// It holds one request at a time. One that comes while another has it waits for that to let go:
/// until its data was got, its view is gone, or its Future was dropped. So never wait for the
/// second of two futures of one stage while the first is held by the same thread.
///
/// Lifetime: futures and their views keep the memory. Threads: a handle; copies are the same stage,
/// which any thread may use at any time.
class Stage {
 public:
  explicit Stage(std::shared_ptr<StageState> state) noexcept : state_(std::move(state)) {}

  /// The largest request that fits.
  std::size_t bytes() const noexcept;

  const std::shared_ptr<StageState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<StageState> state_;
};

/// Several stages of the same size that take turns. Made by Dataset::stage_pool().
///
/// Lifetime and threads: as Stage.
class StagePool {
 public:
  explicit StagePool(std::shared_ptr<StagePoolState> state) noexcept : state_(std::move(state)) {}

  /// The largest request that fits, and how many at a time.
  std::size_t bytes() const noexcept;
  std::size_t size() const noexcept;

  /// How many stages nobody has at the moment.
  std::size_t free_stages() const;

  const std::shared_ptr<StagePoolState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<StagePoolState> state_;
};

}  // namespace h5flume
