#include <new>
#include <utility>

#include "readers/random/dataset_boxes_internal.h"

namespace h5flume {

bool DatasetBoxes::is_filtered(const BoxScratch& scratch, std::uint64_t number) const noexcept {
  return !grid_.source().map.chunks.empty() && !scratch.decoder.is_unfiltered(number);
}

std::unique_ptr<BoxScratch> DatasetBoxes::take_scratch() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<BoxScratch>(grid_.shared_source());
}

void DatasetBoxes::give_back(std::unique_ptr<BoxScratch> scratch) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    idle_.push_back(std::move(scratch));
  } catch (const std::bad_alloc&) {  // then the next makes another
  }
}

}  // namespace h5flume
