#include "readers/chunks/index_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "readers/chunks/index_check_internal.h"
#include "readers/hdf5/dataset_json_internal.h"

namespace h5flume::hdf5 {

// NLOHMANN_DEFINE_TYPE... gives both directions, found by argument-dependent look-up.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TextRun::Loop, count, stride)
NLOHMANN_JSON_SERIALIZE_ENUM(TextRun::Padding, {{TextRun::Padding::kFirstNul, "nul"},
                                                {TextRun::Padding::kSpaces, "spaces"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TextRun, padding, offset, size, loops)

}  // namespace h5flume::hdf5

namespace h5flume::chunks {
namespace {

using nlohmann::json;

constexpr std::array<char, 8> kMagic = {'h', '5', 'f', 'l', 'u', 'm', 'e', 'i'};
constexpr std::uint32_t kVersion = 1;  // to be raised whenever an older index must not be believed
constexpr std::uint32_t kNativeOrder = 0x01020304;
constexpr std::size_t kAlignment = 8;
constexpr std::size_t kLargestDescription = std::size_t{128} << 20;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t byte_order = kNativeOrder;
  std::uint64_t total_bytes = 0;
  std::uint64_t description_bytes = 0;
  std::uint64_t chunk_count = 0;
  std::uint64_t chunks_checksum = 0;
  std::uint64_t head_checksum = 0;  // of all that is before it, and of the description
};
static_assert(std::has_unique_object_representations_v<Header> && sizeof(Header) == 56);
static_assert(std::has_unique_object_representations_v<hdf5::StoredChunk> &&
              sizeof(hdf5::StoredChunk) == 24 && alignof(hdf5::StoredChunk) == kAlignment);

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t head_checksum(std::span<const std::byte> head) {
  return checksum(head.subspan(sizeof(Header)),
                  checksum(head.first(offsetof(Header, head_checksum))));
}

void require(bool holds, const char* otherwise) {
  if (!holds) throw Error(ErrorCode::kCorruptData, otherwise);
}

// --- the description ----------------------------------------------------------------------------

// The element type is as deep as a file's types are nested. Beyond that a document is refused
// before anything recursive looks at it; so are numbers that no description has.
class Plainness final : public json::json_sax_t {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return false; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t&) override { return true; }
  bool start_object(std::size_t) override { return ++depth_ < kDeepest; }
  bool end_object() override { return --depth_ >= 0; }
  bool start_array(std::size_t) override { return ++depth_ < kDeepest; }
  bool end_array() override { return --depth_ >= 0; }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  static constexpr int kDeepest = 300;
  int depth_ = 0;
};

json describe(const IndexedDataset& indexed) {
  const hdf5::StorageMap& map = indexed.map;
  std::vector<std::uint8_t> fill(map.fill.size());
  if (!fill.empty()) std::memcpy(fill.data(), map.fill.data(), fill.size());
  return {{"library", H5FLUME_VERSION},
          {"identity", indexed.identity},
          {"allow_outside_sources", indexed.allow_outside_sources},
          {"info", indexed.info},
          {"element_bytes", map.element_bytes},
          {"swap_bytes", map.swap_bytes},
          {"text", map.text},
          {"fill", json::binary(std::move(fill))},
          {"address", map.address},
          {"edge_chunks_unfiltered", map.edge_chunks_unfiltered}};
}

IndexedDataset described(const json& description) {
  require(description.at("library").get<std::string>() == H5FLUME_VERSION,
          "it was made by another version of the library");
  IndexedDataset indexed;
  description.at("identity").get_to(indexed.identity);
  description.at("allow_outside_sources").get_to(indexed.allow_outside_sources);
  description.at("info").get_to(indexed.info);
  hdf5::StorageMap& map = indexed.map;
  description.at("element_bytes").get_to(map.element_bytes);
  description.at("swap_bytes").get_to(map.swap_bytes);
  description.at("text").get_to(map.text);
  const auto& fill = description.at("fill").get_binary();
  map.fill.resize(fill.size());
  if (!fill.empty()) std::memcpy(map.fill.data(), fill.data(), fill.size());
  description.at("address").get_to(map.address);
  description.at("edge_chunks_unfiltered").get_to(map.edge_chunks_unfiltered);
  return indexed;
}

IndexedDataset read_description(std::span<const std::byte> bytes) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* const end = begin + bytes.size();
  Plainness plainness;
  require(json::sax_parse(begin, end, &plainness, json::input_format_t::msgpack),
          "its description cannot be read");
  try {
    return described(json::from_msgpack(begin, end));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("its description makes no sense: {}", error.what()));
  }
}

// --- the whole ----------------------------------------------------------------------------------

Header read_header(std::span<const std::byte> bytes) {
  Header header;
  require(bytes.size() >= sizeof header, "it ends in its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  require(header.magic == kMagic, "it is no index of h5flume");
  require(header.version == kVersion && header.byte_order == kNativeOrder,
          "it was made by another version of the library, or another kind of machine");
  require(header.total_bytes == bytes.size(), "it has not the length that it says");
  const std::size_t after_header = bytes.size() - sizeof header;
  require(header.description_bytes <= std::min(after_header, kLargestDescription),
          "its description does not fit");
  std::size_t chunk_bytes = 0;
  require(!__builtin_mul_overflow(header.chunk_count, sizeof(hdf5::StoredChunk), &chunk_bytes) &&
              padded(header.description_bytes) <= after_header &&
              chunk_bytes == after_header - padded(header.description_bytes),
          "its parts do not add up to its length");
  return header;
}

IndexedDataset decode(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const Header header = read_header(bytes);
  const std::size_t head_bytes = sizeof header + padded(header.description_bytes);
  require(head_checksum(bytes.first(head_bytes)) == header.head_checksum,
          "its head fails its checksum");
  IndexedDataset indexed = read_description(bytes.subspan(sizeof header, header.description_bytes));
  check_and_complete(indexed);

  std::uint64_t wanted = indexed.map.grid.empty() ? 0 : 1;
  for (const std::uint64_t along : indexed.map.grid) wanted *= along;
  require(header.chunk_count == wanted, "it has not one entry for each chunk");
  const std::span chunks(reinterpret_cast<const hdf5::StoredChunk*>(bytes.data() + head_bytes),
                         header.chunk_count);
  require(checksum(std::as_bytes(chunks)) == header.chunks_checksum,
          "its chunks fail their checksum");
  check_chunks(indexed, chunks);
  indexed.map.chunks = hdf5::ChunkTable(chunks, std::move(owner));
  return indexed;
}

}  // namespace

IndexBytes encode_index(const IndexedDataset& indexed) {
  const std::vector<std::uint8_t> description = json::to_msgpack(describe(indexed));
  IndexBytes bytes;
  bytes.chunks = std::as_bytes(indexed.map.chunks.span());
  bytes.head.resize(sizeof(Header) + padded(description.size()));

  Header header;
  header.total_bytes = bytes.size();
  header.description_bytes = description.size();
  header.chunk_count = indexed.map.chunks.size();
  header.chunks_checksum = checksum(bytes.chunks);
  std::memcpy(bytes.head.data() + sizeof header, description.data(), description.size());
  std::memcpy(bytes.head.data(), &header, sizeof header);
  header.head_checksum = head_checksum(bytes.head);
  std::memcpy(bytes.head.data(), &header, sizeof header);
  return bytes;
}

IndexedDataset decode_index(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment != 0) {
    throw Error(ErrorCode::kInvalidArgument, "read an index: it is not aligned");
  }
  try {
    return decode(bytes, std::move(owner));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("read an index: {}", error.what()));
  }
}

}  // namespace h5flume::chunks
