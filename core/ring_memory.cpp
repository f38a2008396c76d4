#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "core/ring_memory_internal.h"

namespace h5flume {
namespace {

constexpr std::size_t kPageBytes = 4096;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

struct Layout {
  std::size_t words;
  std::size_t next_slots;
  std::size_t records;
  std::size_t blocks;
  std::size_t block_stride;
  std::size_t total;
};

Layout layout_of(std::uint32_t slot_count, std::size_t block_bytes) {
  // Half of the address space is out of reach for sure, and keeps the sums below from overflowing.
  constexpr std::size_t kLimit = std::numeric_limits<std::size_t>::max() / 4;
  if (slot_count == 0 || slot_count > TicketHint::kSlotLimit || block_bytes == 0 ||
      block_bytes > kLimit / slot_count) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("make a block ring of {} slots of {} bytes: both must be at least 1 and "
                    "fit the address space",
                    slot_count, block_bytes));
  }
  Layout layout{};
  layout.words = round_up(sizeof(RingHeader), 64);
  layout.next_slots = round_up(layout.words + slot_count * sizeof(std::uint64_t), 64);
  layout.records = round_up(layout.next_slots + slot_count * sizeof(std::uint32_t), 64);
  layout.blocks = round_up(layout.records + slot_count * sizeof(SlotRecord), kPageBytes);
  layout.block_stride = round_up(block_bytes, kPageBytes);
  layout.total = layout.blocks + slot_count * layout.block_stride;
  return layout;
}

}  // namespace

void SlotRecord::set_error(const Error& error) noexcept {
  const std::size_t length = std::min(std::strlen(error.what()), kMessageBytes);
  std::memcpy(message.data(), error.what(), length);
  message_size = static_cast<std::uint32_t>(length);
  error_code = static_cast<std::uint32_t>(error.code());
  size_bytes = 0;
  work_ns = 0;
}

Error SlotRecord::error() const {
  const std::size_t length = std::min<std::size_t>(message_size, kMessageBytes);
  const bool known = error_code <= static_cast<std::uint32_t>(ErrorCode::kIo);
  return {known ? static_cast<ErrorCode>(error_code) : ErrorCode::kWorkerFailed,
          std::string(message.data(), length)};
}

RingMemory RingMemory::create(std::uint32_t slot_count, std::size_t block_bytes,
                              std::chrono::nanoseconds spin, bool preallocate) {
  const Layout layout = layout_of(slot_count, block_bytes);
  auto memory = SharedMemory::create(
      fmt::format("h5flume ring of {} slots of {} bytes", slot_count, block_bytes), layout.total,
      preallocate ? layout.total : layout.blocks);
  auto* header = new (memory.bytes().data()) RingHeader{};
  header->magic = RingHeader::kMagic;
  header->version = RingHeader::kVersion;
  header->slot_count = slot_count;
  header->block_bytes = block_bytes;
  header->spin_ns = spin.count();
  return {std::move(memory), slot_count, block_bytes};
}

RingMemory RingMemory::attach(FileDescriptor descriptor) {
  auto memory = SharedMemory::attach(std::move(descriptor), sizeof(RingHeader));
  const auto& header = *std::launder(reinterpret_cast<RingHeader*>(memory.bytes().data()));
  if (header.magic != RingHeader::kMagic || header.version != RingHeader::kVersion) {
    throw Error(ErrorCode::kInvalidArgument,
                "attach to a block ring: the memory is no ring of this version of h5flume");
  }
  const std::uint32_t slot_count = header.slot_count;
  const std::size_t block_bytes = header.block_bytes;
  if (memory.bytes().size() < layout_of(slot_count, block_bytes).total) {
    throw Error(ErrorCode::kInvalidArgument,
                "attach to a block ring: the memory is smaller than its header says");
  }
  return {std::move(memory), slot_count, block_bytes};
}

RingMemory::RingMemory(SharedMemory memory, std::uint32_t slot_count, std::size_t block_bytes)
    : memory_(std::move(memory)), slot_count_(slot_count), block_bytes_(block_bytes) {
  const Layout layout = layout_of(slot_count, block_bytes);
  std::byte* base = memory_.bytes().data();
  header_ = reinterpret_cast<RingHeader*>(base);
  words_ = reinterpret_cast<std::atomic<std::uint64_t>*>(base + layout.words);
  next_slots_ = reinterpret_cast<std::atomic<std::uint32_t>*>(base + layout.next_slots);
  records_ = reinterpret_cast<SlotRecord*>(base + layout.records);
  blocks_ = base + layout.blocks;
  block_stride_ = layout.block_stride;
}

}  // namespace h5flume
