#include <array>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset_json_internal.h"

namespace h5flume {
namespace {

using nlohmann::json;

constexpr int kDeepestNesting = 64;

constexpr std::array<std::pair<ElementKind, std::string_view>, 11> kKinds{{
    {ElementKind::kInteger, "integer"},
    {ElementKind::kUnsigned, "unsigned"},
    {ElementKind::kFloat, "float"},
    {ElementKind::kBool, "bool"},
    {ElementKind::kEnum, "enum"},
    {ElementKind::kString, "string"},
    {ElementKind::kOpaque, "opaque"},
    {ElementKind::kCompound, "compound"},
    {ElementKind::kArray, "array"},
    {ElementKind::kText, "text"},
    {ElementKind::kList, "list"},
}};

[[noreturn]] void contradiction(const std::string& what) {
  throw Error(ErrorCode::kCorruptData, "description of a dataset: " + what);
}

ElementKind kind_from(const std::string& name) {
  for (const auto& [kind, known] : kKinds) {
    if (known == name) return kind;
  }
  contradiction("no kind of element is called '" + name + "'");
}

std::string_view name_of(ElementKind kind) {
  for (const auto& [known, name] : kKinds) {
    if (known == kind) return name;
  }
  return "opaque";
}

ElementType read_type(const json& from, int depth);

void read_fields(const json& from, ElementType& type, int depth) {
  for (const json& entry : from.at("fields")) {
    Field field;
    entry.at("name").get_to(field.name);
    entry.at("offset").get_to(field.offset);
    field.type = read_type(entry.at("type"), depth + 1);
    if (field.offset > type.size || field.type.size > type.size - field.offset) {
      contradiction("field '" + field.name + "' lies outside its compound");
    }
    type.fields.push_back(std::move(field));
  }
}

void read_array(const json& from, ElementType& type, int depth) {
  type.base.push_back(read_type(from.at("base"), depth + 1));
  from.at("dims").get_to(type.dims);
  std::uint64_t size = type.base[0].size;
  bool overflows = false;
  for (const std::uint64_t dim : type.dims) overflows |= __builtin_mul_overflow(size, dim, &size);
  if (overflows || size != type.size) contradiction("an array's size is not that of its elements");
}

ElementType read_type(const json& from, int depth) {
  if (depth > kDeepestNesting) contradiction("nested too deep");
  ElementType type;
  type.kind = kind_from(from.at("kind").get<std::string>());
  from.at("size").get_to(type.size);
  from.at("signed").get_to(type.is_signed);
  if (type.is_variable_length()) {
    if (depth > 0) contradiction("an element of variable length is part of another");
    if (type.kind == ElementKind::kList) type.base.push_back(read_type(from.at("base"), depth + 1));
  } else if (type.size == 0) {
    contradiction("an element has no size");
  }
  if (type.kind == ElementKind::kCompound) read_fields(from, type, depth);
  if (type.kind == ElementKind::kArray) read_array(from, type, depth);
  if (type.kind == ElementKind::kEnum) {
    for (const json& member : from.at("members")) {
      type.members.push_back(
          {member.at("name").get<std::string>(), member.at("value").get<std::int64_t>()});
    }
  }
  return type;
}

}  // namespace

void to_json(json& to, const ElementType& type) {
  to = {{"kind", name_of(type.kind)}, {"size", type.size}, {"signed", type.is_signed}};
  if (type.kind == ElementKind::kCompound) {
    json fields = json::array();
    for (const Field& field : type.fields) {
      fields.push_back({{"name", field.name}, {"offset", field.offset}, {"type", field.type}});
    }
    to["fields"] = std::move(fields);
  }
  if (type.kind == ElementKind::kArray) {
    to["base"] = type.base.at(0);
    to["dims"] = type.dims;
  }
  if (type.kind == ElementKind::kList) to["base"] = type.base.at(0);
  if (type.kind == ElementKind::kEnum) {
    json members = json::array();
    for (const EnumMember& member : type.members) {
      members.push_back({{"name", member.name}, {"value", member.value}});
    }
    to["members"] = std::move(members);
  }
}

void from_json(const json& from, ElementType& type) { type = read_type(from, 0); }

void to_json(json& to, const FileIdentity& identity) {
  to = {{"device", identity.device},
        {"inode", identity.inode},
        {"size_bytes", identity.size_bytes},
        {"modified_ns", identity.modified_ns}};
}

void from_json(const json& from, FileIdentity& identity) {
  from.at("device").get_to(identity.device);
  from.at("inode").get_to(identity.inode);
  from.at("size_bytes").get_to(identity.size_bytes);
  from.at("modified_ns").get_to(identity.modified_ns);
}

namespace hdf5 {
namespace {

Layout layout_from(const std::string& name) {
  for (const Layout layout : {Layout::kCompact, Layout::kContiguous, Layout::kChunked,
                              Layout::kVirtual, Layout::kExternal}) {
    if (to_string(layout) == name) return layout;
  }
  contradiction("no layout is called '" + name + "'");
}

// Of an element in memory: its offset, where it is of variable length.
std::uint64_t least_bytes(const ElementType& type) {
  return type.is_variable_length() ? sizeof(std::int64_t) : type.size;
}

}  // namespace

void to_json(json& to, const Filter& filter) {
  to = {{"id", filter.id}, {"name", filter.name}, {"values", filter.values}};
}

void from_json(const json& from, Filter& filter) {
  from.at("id").get_to(filter.id);
  from.at("name").get_to(filter.name);
  from.at("values").get_to(filter.values);
}

void to_json(json& to, const DatasetInfo& info) {
  to = {{"file", info.file},
        {"path", info.path},
        {"shape", info.shape},
        {"dtype", to_string(info.type)},
        {"layout", to_string(info.layout)},
        {"chunk", info.chunk},
        {"filters", info.filters},
        {"stored_bytes", info.stored_bytes},
        {"mean_value_bytes_at_most", info.mean_value_bytes_at_most},
        {"decoded_bytes", info.decoded_bytes()},
        {"hdf5_reason", info.hdf5_reason},
        {"type", info.type}};
}

void from_json(const json& from, DatasetInfo& info) {
  DatasetInfo read;
  from.at("file").get_to(read.file);
  from.at("path").get_to(read.path);
  from.at("shape").get_to(read.shape);
  from.at("type").get_to(read.type);
  read.layout = layout_from(from.at("layout").get<std::string>());
  from.at("chunk").get_to(read.chunk);
  from.at("filters").get_to(read.filters);
  from.at("stored_bytes").get_to(read.stored_bytes);
  from.at("mean_value_bytes_at_most").get_to(read.mean_value_bytes_at_most);
  from.at("hdf5_reason").get_to(read.hdf5_reason);

  if (read.shape.empty()) contradiction("it has no shape");
  if (!read.chunk.empty() && read.chunk.size() != read.shape.size()) {
    contradiction("chunk and shape differ in rank");
  }
  std::uint64_t bytes = least_bytes(read.type);
  bool overflows = false;
  for (std::size_t axis = read.shape.size(); axis-- > 0;) {
    overflows |= __builtin_mul_overflow(bytes, read.shape[axis], &bytes);
  }
  if (overflows) contradiction("its size overflows");
  info = std::move(read);
}

std::string dump_json(const json& json, int indent) {
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace hdf5
}  // namespace h5flume
