#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "storage/mapped/container_format_internal.h"

// Damaged containers, and those whose checksums were made right again by somebody who means harm.
namespace h5flume::test {

// A copy in memory of exactly its size, so that a sanitizer sees one byte too many.
class ExactBytes {
 public:
  explicit ExactBytes(std::span<const std::byte> bytes)
      : memory_(new std::byte[bytes.size()]), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(memory_.get(), bytes.data(), bytes.size());
  }
  std::span<const std::byte> span() const { return {memory_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_;
};

// Makes the length and all checksums right, as far as the bytes have a head at all.
inline void make_believable(std::vector<std::byte>& bytes) {
  using namespace h5flume::mapped;
  ContainerHeader header;
  if (bytes.size() < sizeof header) return;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.magic = kContainerMagic;
  header.byte_order = kNativeOrder;
  header.total_bytes = bytes.size();
  const auto most = (bytes.size() - sizeof header) / sizeof(SectionEntry);
  if (header.section_count > most) header.section_count = static_cast<std::uint32_t>(most);
  std::vector<SectionEntry> table(header.section_count);
  const auto table_bytes = std::as_writable_bytes(std::span(table));
  if (!table.empty()) {
    std::memcpy(table_bytes.data(), bytes.data() + sizeof header, table_bytes.size());
  }
  for (auto& entry : table) {
    if (entry.offset > bytes.size() || entry.bytes > bytes.size() - entry.offset) continue;
    entry.checksum = XXH3_64bits(bytes.data() + entry.offset, entry.bytes);
  }
  header.head_checksum = head_checksum(header, table);
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!table.empty()) {
    std::memcpy(bytes.data() + sizeof header, table_bytes.data(), table_bytes.size());
  }
}

// Where a section of a container lies in its bytes.
inline std::span<std::byte> section_of(std::vector<std::byte>& bytes, mapped::SectionKind kind) {
  for (std::size_t i = 0; i < mapped::kWrittenSections; ++i) {
    mapped::SectionEntry entry;
    std::memcpy(&entry, bytes.data() + sizeof(mapped::ContainerHeader) + i * sizeof entry,
                sizeof entry);
    if (entry.kind == kind) return std::span(bytes).subspan(entry.offset, entry.bytes);
  }
  return {};
}

}  // namespace h5flume::test
