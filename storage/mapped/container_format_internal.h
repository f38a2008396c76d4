#pragma once

#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "storage/mapped/container.h"

// The head of a container, as docs/mapped-containers.md has it: header, section table, schema.
namespace h5flume::mapped {

constexpr std::array<char, 8> kContainerMagic = {'h', '5', 'f', 'l', 'u', 'm', 'e', 'm'};
constexpr std::uint32_t kFirstVersion = 1;
constexpr std::uint32_t kVersionOfValuesInEntries = 2;
constexpr std::uint32_t kFormatVersion = 2;  // the newest; files say which one they need
constexpr std::uint32_t kNativeOrder = 0x01020304;
constexpr std::uint32_t kMostSections = 16;
constexpr std::uint32_t kWrittenSections = 8;  // room in the table; unused entries are zeros
constexpr std::uint64_t kSectionAlignment = 64;

struct ContainerHeader {
  std::array<char, 8> magic = kContainerMagic;
  std::uint32_t version = kFirstVersion;
  std::uint32_t least_reader = kFirstVersion;  // the oldest whose readers understand this one
  std::uint32_t byte_order = kNativeOrder;
  ContainerKind kind = ContainerKind::kArray;
  std::uint64_t total_bytes = 0;
  std::uint64_t record_count = 0;
  std::uint64_t entry_count = 0;
  std::uint64_t key_count = 0;
  std::uint32_t section_count = kWrittenSections;
  ContainerFlags flags = ContainerFlags::kNone;
  std::uint64_t head_checksum = 0;
};
static_assert(std::has_unique_object_representations_v<ContainerHeader> &&
              sizeof(ContainerHeader) == 72);

struct SectionEntry {
  SectionKind kind = SectionKind::kNone;
  std::uint32_t unused = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
};
static_assert(std::has_unique_object_representations_v<SectionEntry> && sizeof(SectionEntry) == 32);

constexpr std::uint64_t kSchemaOffset =
    sizeof(ContainerHeader) + kWrittenSections * sizeof(SectionEntry);

// Of the header before the checksum itself, then of the section table with that for a seed. The
// schema has its own checksum in the table.
inline std::uint64_t head_checksum(const ContainerHeader& header,
                                   std::span<const SectionEntry> table) {
  const auto seed = XXH3_64bits(&header, offsetof(ContainerHeader, head_checksum));
  return XXH3_64bits_withSeed(table.data(), table.size_bytes(), seed);
}

}  // namespace h5flume::mapped
