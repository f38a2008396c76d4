#include "storage/mapped/container.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/file_mapping.h"
#include "storage/mapped/container_format_internal.h"
#include "storage/mapped/key_index.h"

namespace h5flume::mapped {
namespace {

constexpr std::size_t kReadAheadBytes = std::size_t{128} << 10U;  // what a device has by default

void require_that(bool holds, const std::string& otherwise) {
  if (!holds) throw Error(ErrorCode::kCorruptData, otherwise);
}

// Says of all pages that hold these bytes how they will be read. False if the system takes no such
// advice.
bool advise(std::span<const std::byte> bytes, int advice) noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size();
  return ::madvise(reinterpret_cast<void*>(begin), end - begin, advice) == 0;
}

ContainerHeader read_header(std::span<const std::byte> bytes) {
  ContainerHeader header;
  require_that(bytes.size() >= sizeof header, "it ends in its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  require_that(header.magic == kContainerMagic, "it is no mapped container");
  if (header.byte_order != kNativeOrder) {
    throw Error(ErrorCode::kUnsupported, "it was written by a machine of another byte order");
  }
  if (header.least_reader > kFormatVersion) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its format, {}, needs a reader of version {} or newer; this is {}",
                            header.version, header.least_reader, kFormatVersion));
  }
  require_that(
      header.total_bytes == bytes.size(),
      fmt::format("it says that it has {} bytes, and has {}", header.total_bytes, bytes.size()));
  require_that(header.section_count <= kMostSections &&
                   bytes.size() - sizeof header >= header.section_count * sizeof(SectionEntry),
               "its section table does not fit");
  return header;
}

std::vector<SectionEntry> read_table(std::span<const std::byte> bytes, std::uint32_t count) {
  std::vector<SectionEntry> table(count);
  if (count > 0) {
    std::memcpy(table.data(), bytes.data() + sizeof(ContainerHeader), count * sizeof(SectionEntry));
  }
  return table;
}

void check_sum(std::span<const std::byte> section, std::uint64_t checksum, SectionKind kind) {
  require_that(XXH3_64bits(section.data(), section.size()) == checksum,
               fmt::format("its section '{}' fails its checksum", to_string(kind)));
}

void check_size(std::uint64_t count, std::uint64_t bytes_each, std::uint64_t bytes) {
  std::uint64_t needed = 0;
  require_that(!__builtin_mul_overflow(count, bytes_each, &needed) && needed == bytes,
               fmt::format("{} values do not take {} bytes", count, bytes));
}

// Of the index of a map; 0 for what has none.
std::size_t entry_bytes(ContainerKind kind) {
  switch (kind) {
    case ContainerKind::kIntegerMap:
    case ContainerKind::kApproximateMap:
      return sizeof(IntegerEntry);
    case ContainerKind::kTextMap:
    case ContainerKind::kObjectMap:
      return sizeof(TextEntry);
    case ContainerKind::kArray:
    case ContainerKind::kPool:
      break;
  }
  return 0;
}

}  // namespace

std::string_view to_string(ContainerKind kind) noexcept {
  switch (kind) {
    case ContainerKind::kArray:
      return "an array";
    case ContainerKind::kIntegerMap:
      return "an integer map";
    case ContainerKind::kTextMap:
      return "a text map";
    case ContainerKind::kObjectMap:
      return "an object map";
    case ContainerKind::kApproximateMap:
      return "an approximate map";
    case ContainerKind::kPool:
      return "a pool";
  }
  return "unknown";
}

std::string_view to_string(SectionKind kind) noexcept {
  switch (kind) {
    case SectionKind::kNone:
      return "none";
    case SectionKind::kSchema:
      return "schema";
    case SectionKind::kRecords:
      return "records";
    case SectionKind::kHeap:
      return "heap";
    case SectionKind::kEntries:
      return "entries";
    case SectionKind::kDirectory:
      return "directory";
    case SectionKind::kKeyHeap:
      return "key heap";
    case SectionKind::kKeySchema:
      return "key schema";
    case SectionKind::kNote:
      return "note";
  }
  return "unknown";
}

// Fills a container in, step by step.
struct Container::Opening {
  Container& container;
  const MappedOpenOptions& options;

  void run() {
    const ContainerHeader header = read_header(container.bytes_);
    const auto table = read_table(container.bytes_, header.section_count);
    if (options.validation != Validation::kNone) {
      require_that(head_checksum(header, table) == header.head_checksum,
                   "its head fails its checksum");
    }
    container.kind_ = header.kind;
    container.version_ = header.version;
    container.flags_ = header.flags;
    container.counts_ = {header.record_count, header.entry_count, header.key_count};
    for (const auto& entry : table) place(entry);
    read_schema();
    place_values();
    if (options.validation == Validation::kFull) check_all_sums();
  }

  // A section of a kind that is not known here belongs to a newer version that is still readable.
  void place(const SectionEntry& entry) {
    const auto number = static_cast<std::size_t>(entry.kind);
    if (entry.kind == SectionKind::kNone || number >= kSectionKinds) return;
    const std::uint64_t total = container.bytes_.size();
    require_that(entry.offset <= total && entry.bytes <= total - entry.offset,
                 fmt::format("its section '{}' lies outside of it", to_string(entry.kind)));
    container.sections_[number] = container.bytes_.subspan(entry.offset, entry.bytes);
    container.checksums_[number] = entry.checksum;
  }

  void read_schema() {
    const auto bytes = container.section(SectionKind::kSchema);
    if (options.validation != Validation::kNone) {
      check_sum(bytes, container.checksums_[static_cast<std::size_t>(SectionKind::kSchema)],
                SectionKind::kSchema);
    }
    container.schema_ = decode_schema(bytes);
  }

  void place_values() {
    const std::size_t slot = slot_bytes(container.schema_, container.schema_.root);
    const auto records = container.section(SectionKind::kRecords);
    container.values_ = {records.data(), slot};
    if (!container.has(ContainerFlags::kValuesInEntries)) {
      return check_size(container.counts_.records, slot, records.size());
    }
    const std::size_t stride = entry_bytes(container.kind_);
    require_that(stride > 0 && slot <= kEntryValueBytes &&
                     !container.has(ContainerFlags::kIds | ContainerFlags::kWritable) &&
                     container.counts_.records == container.counts_.entries,
                 "its values cannot lie in its entries");
    const auto entries = container.section(SectionKind::kEntries);
    check_size(container.counts_.records, stride, entries.size());
    container.values_ = {entries.data() + (entries.empty() ? 0 : kEntryValueOffset), stride};
  }

  void check_all_sums() {
    for (std::size_t i = 1; i < kSectionKinds; ++i) {
      const auto kind = static_cast<SectionKind>(i);
      if (container.sections_[i].empty()) continue;
      if (kind == SectionKind::kRecords && container.has(ContainerFlags::kWritable)) continue;
      check_sum(container.sections_[i], container.checksums_[i], kind);
    }
  }
};

std::shared_ptr<const Container> Container::from_bytes(std::span<const std::byte> bytes,
                                                       std::shared_ptr<const void> owner,
                                                       const std::string& name,
                                                       const MappedOpenOptions& options) {
  auto container = std::make_shared<Container>();
  container->name_ = name;
  container->owner_ = std::move(owner);
  container->bytes_ = bytes;
  if (options.random_access) advise(bytes, MADV_RANDOM);
  try {
    Opening{*container, options}.run();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("open {}: {}", name, error.what()));
  }
  return container;
}

std::shared_ptr<const Container> Container::open(int descriptor, std::uint64_t offset,
                                                 std::uint64_t length, const std::string& name,
                                                 const MappedOpenOptions& options) {
  auto mapping = std::make_shared<const FileMapping>(descriptor, name);
  const auto bytes = mapping->bytes();
  if (offset > bytes.size() || length > bytes.size() - offset) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("open {}: {} bytes from offset {} on are more than its {}", name,
                            length, offset, bytes.size()));
  }
  return from_bytes(bytes.subspan(offset, length), std::move(mapping), name, options);
}

std::shared_ptr<const Container> Container::open(const std::string& path,
                                                 const MappedOpenOptions& options) {
  // Without O_NONBLOCK, opening a pipe would wait for whoever writes to it.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw_system_error("open " + path, errno);
  auto mapping = std::make_shared<const FileMapping>(file.get(), path);
  const auto bytes = mapping->bytes();
  return from_bytes(bytes, std::move(mapping), path, options);
}

void Container::require(ContainerKind kind, bool ids) const {
  const auto describe = [](ContainerKind of, bool with_ids) {
    return fmt::format("{}{}", to_string(of), with_ids ? " of ids" : "");
  };
  const bool has_ids = has(ContainerFlags::kIds);
  if (kind_ == kind && has_ids == ids) return;
  throw Error(ErrorCode::kUnsupported, fmt::format("open {} as {}: it holds {}", name_,
                                                   describe(kind, ids), describe(kind_, has_ids)));
}

void Container::throw_corrupt(const std::string& cause) const {
  throw Error(ErrorCode::kCorruptData, fmt::format("read {}: {}", name_, cause));
}

void Container::preload() const noexcept {
#ifdef MADV_POPULATE_READ
  if (advise(bytes_, MADV_POPULATE_READ)) return;
#endif
  // A kernel before 5.14: of one request it reads no more than a device's read-ahead.
  for (std::size_t at = 0; at < bytes_.size(); at += kReadAheadBytes) {
    advise(bytes_.subspan(at, std::min(kReadAheadBytes, bytes_.size() - at)), MADV_WILLNEED);
  }
}

void Container::verify() const {
  try {
    auto copy = *this;
    Opening{copy, {.validation = Validation::kFull}}.run();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("check {}: {}", name_, error.what()));
  }
}

}  // namespace h5flume::mapped
