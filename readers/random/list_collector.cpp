#include "core/list_writer.h"
#include "readers/random/list_collector_internal.h"

namespace h5flume {

ListCollector::ListCollector(std::uint64_t element_count, std::size_t value_bytes,
                             std::size_t room_bytes)
    : value_bytes_(value_bytes),
      room_bytes_(room_bytes),
      needed_bytes_(offset_bytes(element_count)) {
  if (fits()) elements_.resize(element_count);
}

void ListCollector::put(std::uint64_t element, std::span<const std::byte> values) {
  if (!fits()) return;
  needed_bytes_ = saturating_sum(needed_bytes_, values.size());
  if (!fits()) return;
  elements_[element] = {values_.size(), values.size()};
  values_.insert(values_.end(), values.begin(), values.end());
}

void ListCollector::write(std::span<std::byte> out) const {
  ListWriter writer(out, elements_.size(), value_bytes_);
  for (const Element& element : elements_) {
    writer.append(std::span(values_).subspan(element.begin, element.bytes));
  }
}

}  // namespace h5flume
