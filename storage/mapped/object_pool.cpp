#include "storage/mapped/object_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "storage/mapped/container_writer.h"

namespace h5flume {
namespace {

using mapped::Container;
using mapped::ContainerKind;
using mapped::SectionKind;

constexpr std::size_t kAlignment = 8;

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

ObjectPool::ObjectPool(std::size_t section_bytes) : section_bytes_(padded(section_bytes)) {}

ObjectPool ObjectPool::open(const std::string& path, const MappedOpenOptions& options) {
  ObjectPool pool;
  pool.file_ = Container::open(path, options);
  pool.file_->require(ContainerKind::kPool);
  const auto used = pool.file_->section(SectionKind::kHeap);
  pool.sections_.push_back({.first = 0, .used = used, .memory = nullptr, .capacity = used.size()});
  return pool;
}

ObjectPool::Handle ObjectPool::add_packed(std::span<const std::byte> object) {
  Section& section = section_for(padded(object.size()));
  const std::size_t at = section.used.size();
  std::memcpy(section.memory.get() + at, object.data(), object.size());
  section.used = {section.memory.get(), at + padded(object.size())};
  return section.first + at;
}

ObjectPool::Section& ObjectPool::section_for(std::size_t object_bytes) {
  if (!sections_.empty()) {
    Section& last = sections_.back();
    if (last.memory && object_bytes <= last.capacity - last.used.size()) return last;
  }
  const std::size_t capacity = std::max(section_bytes_, object_bytes);
  auto memory = std::make_unique<std::byte[]>(capacity);  // zeros
  return sections_.emplace_back(Section{size_bytes(), {}, std::move(memory), capacity});
}

std::uint64_t ObjectPool::size_bytes() const noexcept {
  return sections_.empty() ? 0 : sections_.back().first + sections_.back().used.size();
}

std::span<const std::byte> ObjectPool::bytes_from(Handle handle) const {
  if (handle >= size_bytes()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unpack object {} of a pool of {} bytes", handle, size_bytes()));
  }
  const auto beyond = std::upper_bound(
      sections_.begin(), sections_.end(), handle,
      [](Handle wanted, const Section& section) { return wanted < section.first; });
  const Section& section = *std::prev(beyond);
  return section.used.subspan(handle - section.first);
}

void ObjectPool::dump(const std::string& path) const {
  mapped::ContainerWriter writer(mapped::to_file(path), ContainerKind::kPool,
                                 {.root = {mapped::Kind::kBytes}, .structures = {}}, {});
  writer.begin(SectionKind::kHeap);
  for (const auto& section : sections_) writer.append(section.used);
  writer.finish({});
}

}  // namespace h5flume
