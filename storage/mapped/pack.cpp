#include "storage/mapped/pack.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <array>
#include <cstring>

#include "core/error.h"

namespace h5flume::mapped::detail {
namespace {

constexpr std::array<char, 8> kMagic = {'h', '5', 'f', 'l', 'u', 'm', 'e', 'o'};

struct PackedHeader {
  std::array<char, 8> magic = kMagic;
  std::uint64_t total_bytes = 0;
  SchemaDigest digest{};
  std::uint64_t checksum = 0;  // of all that follows
};
static_assert(sizeof(PackedHeader) == kPackedHeaderBytes);

std::uint64_t checksum_of(std::span<const std::byte> object) {
  const auto after = object.subspan(sizeof(PackedHeader));
  return XXH3_64bits(after.data(), after.size());
}

[[noreturn]] void refuse(std::size_t offset, const char* cause) {
  throw Error(ErrorCode::kCorruptData,
              fmt::format("unpack from offset {} of a buffer: {}", offset, cause));
}

}  // namespace

void seal_packed(std::span<std::byte> object, const SchemaDigest& digest) {
  PackedHeader header;
  header.total_bytes = object.size();
  header.digest = digest;
  header.checksum = checksum_of(object);
  std::memcpy(object.data(), &header, sizeof header);
}

std::span<const std::byte> open_packed(std::span<const std::byte> buffer, std::size_t offset,
                                       std::size_t record_bytes, const SchemaDigest& digest,
                                       const Schema& wanted) {
  PackedHeader header;
  if (offset > buffer.size() || buffer.size() - offset < sizeof header) {
    refuse(offset, "it ends before an object would");
  }
  const auto rest = buffer.subspan(offset);
  std::memcpy(&header, rest.data(), sizeof header);
  if (header.magic != kMagic) refuse(offset, "there is no packed object");
  if (header.total_bytes > rest.size() || header.total_bytes < sizeof header) {
    refuse(offset, "the object is cut short");
  }
  const auto object = rest.first(header.total_bytes);
  if (checksum_of(object) != header.checksum) refuse(offset, "the object fails its checksum");
  if (header.digest != digest) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("unpack a {}: the object was packed with other fields",
                            to_text(wanted, wanted.root)));
  }
  if (object.size() < sizeof header + record_bytes) refuse(offset, "the object is cut short");
  return object;
}

bool is_packed_by(std::span<const std::byte> bytes, const SchemaDigest& digest) noexcept {
  PackedHeader header;
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header.magic == kMagic && header.digest == digest;
}

const std::string& packed_name() {
  static const std::string name = "a packed object";
  return name;
}

}  // namespace h5flume::mapped::detail
