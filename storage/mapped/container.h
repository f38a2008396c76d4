#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/mapped/schema.h"

namespace h5flume {

/// How much of a container is looked at before it is used.
///
/// Whatever the level, sizes and offsets are checked when a container is opened, and every
/// value is checked when it is read: no file, however damaged, causes undefined behaviour.
enum class Validation {
  kNone,    ///< no checksums
  kHeader,  ///< the checksums of header, section table and schema; takes microseconds
  kFull,    ///< the checksums of all sections: reads the whole file
};

struct MappedOpenOptions {
  // --- behaviour ---
  Validation validation = Validation::kHeader;

  // --- performance ---
  /// For a few values here and there in a file that is not in memory: the system reads the pages
  /// that they are in, and none around them. Passes over the whole file get slower.
  bool random_access = false;
};

}  // namespace h5flume

namespace h5flume::mapped {

/// What a container is. The numbers are those of the file.
enum class ContainerKind : std::uint32_t {
  kArray = 1,
  kIntegerMap = 2,
  kTextMap = 3,
  kObjectMap = 4,
  kApproximateMap = 5,
  kPool = 6,
};
std::string_view to_string(ContainerKind kind) noexcept;

/// What else there is to say of a container. Bits of the file.
enum class ContainerFlags : std::uint32_t {
  kNone = 0,
  kIds = 1,       ///< a map without values: its entries hold ids
  kWritable = 2,  ///< numbers in its records may have been written to since the checksum was made
  kValuesInEntries = 4,  ///< a map without records: its entries hold the values themselves
};
constexpr ContainerFlags operator|(ContainerFlags one, ContainerFlags other) noexcept {
  return static_cast<ContainerFlags>(static_cast<std::uint32_t>(one) |
                                     static_cast<std::uint32_t>(other));
}

/// How many values, entries of the index and different keys there are. A multi-map has more entries
/// than keys; values that are shared, more entries than records.
struct ContainerCounts {
  std::uint64_t records = 0;
  std::uint64_t entries = 0;
  std::uint64_t keys = 0;
};

/// Parts of a container. The numbers are those of the file.
enum class SectionKind : std::uint32_t {
  kNone = 0,
  kSchema = 1,     ///< of the values
  kRecords = 2,    ///< one slot for each value
  kHeap = 3,       ///< what their slots point to
  kEntries = 4,    ///< of the index, sorted by hash
  kDirectory = 5,  ///< where the entries of a range of hashes begin
  kKeyHeap = 6,    ///< keys that their entries have no room for
  kKeySchema = 7,  ///< of keys that are structs
  kNote = 8,       ///< see MappedBuildOptions::note
};
constexpr std::size_t kSectionKinds = 9;
std::string_view to_string(SectionKind kind) noexcept;

/// The sections of a container in memory. The form is that of docs/mapped-containers.md.
///
/// Lifetime: owns the mapping, or shares the owner of the bytes. The file may be renamed, replaced
/// or removed meanwhile; it must not be truncated or written to. Threads: may be read by several at
/// once.
class Container {
 public:
  /// Maps the file at `path`. Throws kNotFound, kIo and so on; kCorruptData if it is no whole
  /// container, kUnsupported if a newer version of the library is needed to read it.
  static std::shared_ptr<const Container> open(const std::string& path,
                                               const MappedOpenOptions& options);

  /// Maps `length` bytes from `offset` on of an open file, which may be closed afterwards.
  static std::shared_ptr<const Container> open(int descriptor, std::uint64_t offset,
                                               std::uint64_t length, const std::string& name,
                                               const MappedOpenOptions& options);

  /// Uses bytes where they lie, and keeps `owner` alive.
  static std::shared_ptr<const Container> from_bytes(std::span<const std::byte> bytes,
                                                     std::shared_ptr<const void> owner,
                                                     const std::string& name,
                                                     const MappedOpenOptions& options);

  ContainerKind kind() const noexcept { return kind_; }
  std::uint32_t version() const noexcept { return version_; }
  /// Whether it has one of the flags.
  bool has(ContainerFlags flags) const noexcept {
    return (static_cast<std::uint32_t>(flags_) & static_cast<std::uint32_t>(flags)) != 0;
  }
  const ContainerCounts& counts() const noexcept { return counts_; }
  std::uint64_t total_bytes() const noexcept { return bytes_.size(); }
  const Schema& schema() const noexcept { return schema_; }
  const std::string& name() const noexcept { return name_; }

  /// Empty if the container has no such section.
  std::span<const std::byte> section(SectionKind kind) const noexcept {
    return sections_[static_cast<std::size_t>(kind)];
  }

  /// Where the values are: one slot each, `stride` bytes apart, all inside of the container.
  struct Values {
    const std::byte* first = nullptr;
    std::size_t stride = 0;
  };
  const Values& values() const noexcept { return values_; }

  /// See MappedBuildOptions::note.
  std::span<const std::byte> note() const noexcept { return section(SectionKind::kNote); }

  /// Throws kUnsupported, naming both kinds, if it is of another kind, or has ids in place of
  /// values or the other way round.
  void require(ContainerKind kind, bool ids = false) const;

  /// Reads the whole file into memory, so that what follows does not wait for the disk. A hint: an
  /// old system may still be reading when this returns; where memory is short, what was read first
  /// may be gone again.
  void preload() const noexcept;

  /// Compares the checksum of every section. Throws kCorruptData, naming the first that is wrong.
  void verify() const;

  /// Throws kCorruptData, naming this container.
  [[noreturn]] void throw_corrupt(const std::string& cause) const;

 private:
  struct Opening;

  std::string name_;
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  ContainerKind kind_ = ContainerKind::kArray;
  std::uint32_t version_ = 0;
  ContainerFlags flags_ = ContainerFlags::kNone;
  ContainerCounts counts_;
  std::array<std::span<const std::byte>, kSectionKinds> sections_{};
  std::array<std::uint64_t, kSectionKinds> checksums_{};
  Schema schema_;
  Values values_;
};

}  // namespace h5flume::mapped
