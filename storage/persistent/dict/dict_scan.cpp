#include "storage/persistent/dict/dict_scan_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::size_t kPageRows = 256;

}  // namespace

// A dict that is read-only cannot bring the engine up to date, and is seen as it is at the
// beginning.
DictScan::DictScan(DictState& state, PersistentDict::View view) : state_(state) {
  if (view == PersistentDict::View::kSnapshot || state.options().read_only) {
    std::tie(snapshot_, overlay_) = state.snapshot();
  }
}

void DictScan::refill() {
  if (snapshot_) {
    rows_ = snapshot_->page(after_, kPageRows);
  } else {
    std::tie(rows_, overlay_) = state_.live_page(after_, kPageRows);
  }
  row_ = 0;
  if (rows_.empty()) {
    engine_is_done_ = true;
  } else {
    after_ = rows_.back().sequence;
  }
}

std::optional<DictScan::Entry> DictScan::next_of_engine() {
  while (!engine_is_done_) {
    if (row_ == rows_.size()) {
      refill();
      continue;
    }
    DictRow& row = rows_[row_++];
    const auto found = overlay_.entries.find(row.key);
    if (found == overlay_.entries.end()) {
      return Entry{std::move(row.key), SharedText(row.value)};
    }
    if (found->second.goes_last) continue;
    const auto text = std::move(found->second.text);
    overlay_.entries.erase(found);  // it has had its turn
    if (text) return Entry{std::move(row.key), text};
  }
  return std::nullopt;
}

std::optional<DictScan::Entry> DictScan::next_of_overlay() {
  while (overlaid_ < overlay_.order.size()) {
    const auto& key = overlay_.order[overlaid_++];
    const auto found = overlay_.entries.find(key);
    if (found == overlay_.entries.end() || !found->second.text) continue;
    Entry entry{key, found->second.text};
    overlay_.entries.erase(found);
    return entry;
  }
  return std::nullopt;
}

std::optional<DictScan::Entry> DictScan::next() {
  if (auto entry = next_of_engine()) return entry;
  return next_of_overlay();
}

}  // namespace h5flume::persistent
