#include "readers/random/array.h"

#include <utility>

namespace h5flume {

Array::Array(std::shared_ptr<const ElementType> type, std::vector<std::uint64_t> shape,
             std::unique_ptr<std::byte[]> bytes, std::size_t byte_count)
    : type_(std::move(type)),
      shape_(std::move(shape)),
      size_(1),
      bytes_(std::move(bytes)),
      byte_count_(byte_count),
      lease_(std::make_shared<Lease>()) {
  for (const std::uint64_t extent : shape_) size_ *= extent;
}

Array& Array::operator=(Array&& other) noexcept {
  if (this == &other) return *this;
  expire();
  type_ = std::move(other.type_);
  shape_ = std::move(other.shape_);
  size_ = std::exchange(other.size_, 0);
  bytes_ = std::move(other.bytes_);
  byte_count_ = std::exchange(other.byte_count_, 0);
  lease_ = std::move(other.lease_);
  return *this;
}

void Array::expire() noexcept {
  if (lease_) lease_->end();
}

}  // namespace h5flume
