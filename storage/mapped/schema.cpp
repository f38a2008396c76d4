#include "storage/mapped/schema.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <utility>

#include "core/error.h"
#include "storage/mapped/byte_stream_internal.h"

namespace h5flume::mapped {
namespace {

struct KindFacts {
  Kind kind;
  std::string_view name;
  std::uint32_t slot_bytes;  // 0: a structure's own
  std::size_t arguments;
};

constexpr std::array kKinds{
    KindFacts{Kind::kBool, "bool", 1, 0},           KindFacts{Kind::kInt8, "int8", 1, 0},
    KindFacts{Kind::kInt16, "int16", 2, 0},         KindFacts{Kind::kInt32, "int32", 4, 0},
    KindFacts{Kind::kInt64, "int64", 8, 0},         KindFacts{Kind::kUInt8, "uint8", 1, 0},
    KindFacts{Kind::kUInt16, "uint16", 2, 0},       KindFacts{Kind::kUInt32, "uint32", 4, 0},
    KindFacts{Kind::kUInt64, "uint64", 8, 0},       KindFacts{Kind::kFloat32, "float32", 4, 0},
    KindFacts{Kind::kFloat64, "float64", 8, 0},     KindFacts{Kind::kText, "text", 16, 0},
    KindFacts{Kind::kBytes, "bytes", 16, 0},        KindFacts{Kind::kStruct, "struct", 0, 0},
    KindFacts{Kind::kList, "list", 16, 1},          KindFacts{Kind::kSet, "set", 16, 1},
    KindFacts{Kind::kDict, "dict", 16, 2},          KindFacts{Kind::kReference, "reference", 8, 1},
    KindFacts{Kind::kDate, "date", 4, 0},           KindFacts{Kind::kDateTime, "datetime", 16, 0},
    KindFacts{Kind::kDecimal, "decimal", 16, 0},    KindFacts{Kind::kNdArray, "ndarray", 16, 1},
    KindFacts{Kind::kLongText, "long text", 16, 0}, KindFacts{Kind::kAny, "any", 24, 0},
};

const KindFacts& facts_of(Kind kind) {
  for (const auto& facts : kKinds) {
    if (facts.kind == kind) return facts;
  }
  throw Error(ErrorCode::kCorruptData,
              fmt::format("a schema names a kind of value, {}, that there is not",
                          static_cast<unsigned>(kind)));
}

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw Error(ErrorCode::kCorruptData, otherwise);
}

// --- types --------------------------------------------------------------------------------------

constexpr unsigned kDeepestType = 16;

void write_type(ByteWriter& out, const Type& type) {
  out.number(static_cast<std::uint8_t>(type.kind));
  if (type.kind == Kind::kStruct) out.number(type.structure);
  for (const auto& argument : type.arguments) write_type(out, argument);
}

Type read_type(ByteReader& in, std::size_t structure_count, unsigned depth = 0) {
  require(depth < kDeepestType, "a schema nests its types too deeply");
  Type type{static_cast<Kind>(in.number<std::uint8_t>())};
  const auto& facts = facts_of(type.kind);
  if (type.kind == Kind::kStruct) {
    type.structure = in.number<std::uint32_t>();
    require(type.structure < structure_count, "a schema names a structure that it lacks");
  }
  for (std::size_t i = 0; i < facts.arguments; ++i) {
    type.arguments.push_back(read_type(in, structure_count, depth + 1));
  }
  return type;
}

// --- structures ---------------------------------------------------------------------------------

constexpr std::uint32_t kMostStructureBytes = 1U << 24U;
constexpr std::size_t kLeastFieldBytes = 17;     // as encoded
constexpr std::uint32_t kMostStructures = 4096;  // check_nesting() goes as deep

void write_structure(ByteWriter& out, const Structure& structure) {
  out.text(structure.name);
  out.number(structure.bytes);
  out.number(static_cast<std::uint32_t>(structure.fields.size()));
  for (const auto& field : structure.fields) {
    out.text(field.name);
    out.number(field.offset);
    out.number(field.set_bit);
    out.number(field.value_bit);
    write_type(out, field.type);
  }
}

Structure read_structure(ByteReader& in, std::size_t structure_count) {
  Structure structure;
  structure.name = in.text();
  structure.bytes = in.number<std::uint32_t>();
  const auto field_count = in.number<std::uint32_t>();
  require(field_count <= in.left() / kLeastFieldBytes, "a schema ends in a structure");
  for (std::uint32_t i = 0; i < field_count; ++i) {
    Field field;
    field.name = in.text();
    field.offset = in.number<std::uint32_t>();
    field.set_bit = in.number<std::int32_t>();
    field.value_bit = in.number<std::int32_t>();
    field.type = read_type(in, structure_count);
    structure.fields.push_back(std::move(field));
  }
  return structure;
}

void check_fields(const Schema& schema, const Structure& structure) {
  require(structure.bytes > 0 && structure.bytes <= kMostStructureBytes,
          "a schema has a structure of no bytes, or too many");
  const std::int64_t bits = std::int64_t{structure.bytes} * 8;
  for (const auto& field : structure.fields) {
    const std::uint64_t end = std::uint64_t{field.offset} + slot_bytes(schema, field.type);
    require(end <= structure.bytes && field.set_bit >= -1 && field.set_bit < bits &&
                field.value_bit >= -1 && field.value_bit < bits,
            fmt::format("field '{}' lies outside its structure '{}'", field.name, structure.name));
  }
}

// A structure that holds itself by value would have no end. Structures that were `visited` are
// known to hold none of those that are `open`.
void check_nesting(const Schema& schema, std::uint32_t number, std::vector<char>& state) {
  constexpr char kOpen = 1;
  constexpr char kVisited = 2;
  if (state[number] == kVisited) return;
  const auto& structure = schema.structures[number];
  require(state[number] != kOpen, fmt::format("structure '{}' holds itself", structure.name));
  state[number] = kOpen;
  for (const auto& field : structure.fields) {
    if (field.type.kind == Kind::kStruct) check_nesting(schema, field.type.structure, state);
  }
  state[number] = kVisited;
}

}  // namespace

std::string_view to_string(Kind kind) noexcept {
  for (const auto& facts : kKinds) {
    if (facts.kind == kind) return facts.name;
  }
  return "unknown";
}

std::uint32_t slot_bytes(const Schema& schema, const Type& type) {
  if (type.kind == Kind::kStruct) return schema.structures.at(type.structure).bytes;
  return facts_of(type.kind).slot_bytes;
}

std::vector<std::byte> encode(const Schema& schema) {
  ByteWriter out;
  out.number(static_cast<std::uint32_t>(schema.structures.size()));
  for (const auto& structure : schema.structures) write_structure(out, structure);
  write_type(out, schema.root);
  return std::move(out).take();
}

Schema decode_schema(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  Schema schema;
  const auto count = in.number<std::uint32_t>();
  require(count <= kMostStructures, "a schema has too many structures");
  for (std::uint32_t i = 0; i < count; ++i) {
    schema.structures.push_back(read_structure(in, count));
  }
  schema.root = read_type(in, count);
  require(in.at_end(), "a schema is followed by bytes that do not belong to it");
  std::vector<char> state(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    check_fields(schema, schema.structures[i]);
    check_nesting(schema, i, state);
  }
  return schema;
}

SchemaDigest digest_of(const Schema& schema) {
  const auto bytes = encode(schema);
  const auto digest = XXH3_128bits(bytes.data(), bytes.size());
  return {digest.low64, digest.high64};
}

std::string to_text(const Schema& schema, const Type& type) {
  if (type.kind == Kind::kStruct) return schema.structures.at(type.structure).name;
  std::string text(to_string(type.kind));
  for (std::size_t i = 0; i < type.arguments.size(); ++i) {
    text += (i == 0 ? "<" : ", ") + to_text(schema, type.arguments[i]);
  }
  return type.arguments.empty() ? text : text + ">";
}

}  // namespace h5flume::mapped
