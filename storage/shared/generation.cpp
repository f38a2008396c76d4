#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "storage/shared/generation_internal.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"

namespace h5flume::shared {
namespace {

std::uint64_t checksum_of(const std::byte* header) noexcept {
  return XXH3_64bits(header, offsetof(GenerationHeader, checksum));
}

// Room for the frame that is being read, kept as long as it is small.
constexpr std::size_t kMostScratchKept = std::size_t{1} << 20U;

}  // namespace

Generation::Made Generation::make(const SegmentFolder& folder, const Beginning& beginning,
                                  std::string_view snapshot, unsigned permissions,
                                  const std::string& operation) {
  const std::size_t size = bytes(snapshot.size(), beginning.capacity);
  auto file = folder.make(size, permissions, operation);
  auto mapping = SegmentMapping::of(file.get(), size, operation);
  std::byte* const memory = mapping->bytes().data();
  auto& header = *reinterpret_cast<GenerationHeader*>(memory);
  header.magic = kGenerationMagic;
  header.format = kFormatVersion;
  header.next_node = beginning.next_node;
  header.id = beginning.id;
  header.generation = beginning.number;
  header.base = beginning.base;
  header.capacity = beginning.capacity;
  header.snapshot_bytes = snapshot.size();
  header.version = beginning.version;
  header.checksum = checksum_of(memory);
  if (!snapshot.empty()) std::memcpy(memory + sizeof(header), snapshot.data(), snapshot.size());
  return {std::move(file), std::move(mapping)};
}

Generation::Generation(int descriptor, std::uint64_t id, std::uint64_t number,
                       const std::string& operation) {
  const auto refuse = [&](ErrorCode code, std::string_view cause) {
    throw Error(code, fmt::format("{}: its segment {} {}", operation, number, cause));
  };
  const std::size_t size = size_of_file(descriptor, operation);
  if (size < sizeof(GenerationHeader)) {
    refuse(ErrorCode::kCorruptData, fmt::format("has only {} bytes", size));
  }
  mapping_ = SegmentMapping::of(descriptor, size, operation);
  alignas(GenerationHeader) std::byte copy[sizeof(GenerationHeader)];
  // Without the last part, which may change at any time and is not checked.
  std::memcpy(copy, mapping_->bytes().data(), offsetof(GenerationHeader, end));
  const auto& header = *reinterpret_cast<const GenerationHeader*>(copy);
  if (header.magic != kGenerationMagic)
    refuse(ErrorCode::kCorruptData, "does not begin as one does");
  if (header.format != kFormatVersion) {
    refuse(ErrorCode::kUnsupported,
           fmt::format("has version {}, this program knows {}", header.format, kFormatVersion));
  }
  if (header.checksum != checksum_of(copy) || header.id != id || header.generation != number) {
    refuse(ErrorCode::kCorruptData, "fails its checksum");
  }
  const std::size_t room = size - sizeof(GenerationHeader);
  if (header.snapshot_bytes > room || header.capacity != room - header.snapshot_bytes ||
      header.snapshot_bytes % kFrameAlignment != 0 || header.capacity % kFrameAlignment != 0 ||
      header.base % kFrameAlignment != 0 ||
      header.base > std::numeric_limits<std::uint64_t>::max() / 2 ||
      header.next_node == kRootNode) {
    refuse(ErrorCode::kCorruptData, fmt::format("has {} bytes, which is not what it says", size));
  }
  header_ = {header.generation,     header.base,    header.capacity,
             header.snapshot_bytes, header.version, header.next_node};
  stream_ = mapping_->bytes().data() + sizeof(GenerationHeader) + header_.snapshot_bytes;
}

bool Generation::load_snapshot(Replica& replica) const {
  replica.clear();
  if (!apply_frames(mapping_->bytes().data() + sizeof(GenerationHeader), header_.snapshot_bytes, 0,
                    replica) ||
      replica.next_node() > header_.next_node) {
    return false;
  }
  replica.set_next_node(header_.next_node);
  replica.version = header_.version;
  return true;
}

std::optional<std::uint64_t> Generation::apply(std::uint64_t from, std::uint64_t to,
                                               Replica& replica) const {
  if (from < base() || to > limit() || from > to) return std::nullopt;
  const auto frames = apply_frames(at(from), to - from, from, replica);
  if (frames) replica.version += *frames;
  return frames;
}

std::optional<std::uint64_t> Generation::apply_frames(const std::byte* frames, std::size_t bytes,
                                                      std::uint64_t position, Replica& replica) {
  static thread_local std::string scratch;
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < bytes; ++count) {
    const std::size_t left = bytes - at;
    std::uint32_t size = 0;
    if (left < kFrameHeaderBytes) return std::nullopt;
    std::memcpy(&size, frames + at, sizeof(size));
    if (size < kFrameHeaderBytes || size > left || size % kFrameAlignment != 0) return std::nullopt;
    // Copied before it is looked at, so that nobody can change it in between.
    scratch.assign(reinterpret_cast<const char*>(frames) + at, size);
    FrameReader reader(scratch, position + at);
    if (!replica.apply(reader)) return std::nullopt;
    at += size;
  }
  if (scratch.capacity() > kMostScratchKept) std::string().swap(scratch);
  return count;
}

}  // namespace h5flume::shared
