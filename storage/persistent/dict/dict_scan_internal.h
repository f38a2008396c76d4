#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume::persistent {

/// One pass over the entries of a dict: those of the engine page by page, as the overlay has them,
/// and then those that only the overlay has.
///
/// Lifetime: not beyond the state. Threads: for one.
class DictScan {
 public:
  struct Entry {
    std::string key;
    SharedText text;
  };

  DictScan(DictState& state, PersistentDict::View view);

  std::optional<Entry> next();

  const DictState& state() const noexcept { return state_; }

 private:
  void refill();
  std::optional<Entry> next_of_engine();
  std::optional<Entry> next_of_overlay();

  DictState& state_;
  std::unique_ptr<DictView> snapshot_;  ///< empty: live
  DictState::Overlay overlay_;
  std::vector<DictRow> rows_;
  std::size_t row_ = 0;
  std::uint64_t after_ = 0;  ///< the sequence of the last row that was read
  bool engine_is_done_ = false;
  std::size_t overlaid_ = 0;  ///< keys of the overlay's order that have been looked at
};

}  // namespace h5flume::persistent
