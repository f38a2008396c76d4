#include "readers/chunks/index_file.h"

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <utility>

#include "core/error.h"
#include "readers/chunks/index_check_internal.h"
#include "readers/hdf5/dataset_json_internal.h"
#include "storage/mapped/fields.h"
#include "storage/mapped/mapped_array.h"

namespace h5flume::hdf5 {

// NLOHMANN_DEFINE_TYPE... gives both directions, found by argument-dependent look-up.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TextRun::Loop, count, stride)
NLOHMANN_JSON_SERIALIZE_ENUM(TextRun::Padding, {{TextRun::Padding::kFirstNul, "nul"},
                                                {TextRun::Padding::kSpaces, "spaces"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TextRun, padding, offset, size, loops)

H5FLUME_FIELDS(StoredChunk, address, size_bytes, filter_mask, reserved);

}  // namespace h5flume::hdf5

namespace h5flume::chunks {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestDescription = std::size_t{128} << 20;

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

using Chunks = MappedArray<hdf5::StoredChunk>;

IndexedDataset decode(const Chunks& chunks) {
  const auto note = chunks.container().note();
  require(note.size() <= kLargestDescription, "its description is too long");
  IndexedDataset indexed = read_description(note);
  check_and_complete(indexed);
  std::uint64_t wanted = indexed.map.grid.empty() ? 0 : 1;
  for (const std::uint64_t along : indexed.map.grid) wanted *= along;
  require(chunks.size() == wanted, "it has not one entry for each chunk");
  check_chunks(indexed, chunks.in_place());
  indexed.map.chunks = hdf5::ChunkTable(chunks.in_place(), std::make_shared<const Chunks>(chunks));
  return indexed;
}

}  // namespace

void write_index(const IndexedDataset& indexed, std::unique_ptr<mapped::Destination> destination) {
  const std::vector<std::uint8_t> description = json::to_msgpack(describe(indexed));
  const auto note = std::as_bytes(std::span(description));
  MappedArrayBuilder<hdf5::StoredChunk> builder(
      std::move(destination), {.note = {note.begin(), note.end()}, .durable = false});
  builder.append(indexed.map.chunks.span());
  std::move(builder).finish();
}

IndexedDataset decode_index(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(hdf5::StoredChunk) != 0) {
    throw Error(ErrorCode::kInvalidArgument, "read an index: it is not aligned");
  }
  try {
    return decode(Chunks::from_bytes(bytes, std::move(owner), {.validation = Validation::kFull}));
  } catch (const Error& error) {
    // Also one of another version, or of another kind of machine: it is made anew.
    throw Error(ErrorCode::kCorruptData, fmt::format("read an index: {}", error.what()));
  }
}

}  // namespace h5flume::chunks
