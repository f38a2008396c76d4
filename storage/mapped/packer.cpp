#include "storage/mapped/packer.h"

#include <cstring>
#include <utility>

namespace h5flume::mapped {

std::uint64_t Packer::append(std::span<const std::byte> bytes) {
  const std::uint64_t offset = base_ + bytes_.size();
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return offset;
}

std::uint64_t Packer::reserve(std::size_t size) {
  const std::uint64_t end = base_ + bytes_.size();
  const std::uint64_t offset = (end + 7) / 8 * 8;
  bytes_.resize(offset - base_ + size);
  return offset;
}

void Packer::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  std::memcpy(bytes_.data() + (offset - base_), bytes.data(), bytes.size());
}

std::optional<std::uint64_t> Packer::find_shared(const void* object) const {
  const auto found = shared_.find(object);
  if (found == shared_.end()) return std::nullopt;
  return found->second.offset;
}

void Packer::enter_shared(std::shared_ptr<const void> object, std::uint64_t offset) {
  const void* const address = object.get();
  shared_.insert_or_assign(address, Shared{std::move(object), offset});
}

void Packer::restart(std::uint64_t base) {
  base_ = base;
  bytes_.clear();
  shared_.clear();
}

void Packer::drop_bytes() {
  base_ += bytes_.size();
  bytes_.clear();
}

}  // namespace h5flume::mapped
