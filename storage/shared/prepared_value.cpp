#include <fmt/format.h>

#include <bit>

#include "core/error.h"
#include "storage/shared/prepared_value_internal.h"

namespace h5flume::shared {
namespace {

// Only the first level of what is nested may be a nested dict's; the serializer looks after others.
[[noreturn]] void refuse(const DictCore& core, std::string_view cause) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", core.operation("set in"), cause));
}

int levels_of(const Json& value, int level = 0) {
  if (!value.is_object() || level > kMostLevels) return level;
  int deepest = level;
  for (const auto& member : value) deepest = std::max(deepest, levels_of(member, level + 1));
  return deepest;
}

bool same_word(const PlainValue& one, const SharedValue& other) noexcept {
  if (one.kind == SharedKind::kReal) {  // 0.0 is -0.0, and NaN is not NaN
    return std::bit_cast<double>(one.word) == std::bit_cast<double>(other.word());
  }
  return one.word == other.word();
}

// A JSON object has text for keys: two that would be the same, such as 5 and "5", show as the
// later.
std::string hexadecimal(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

bool values_equal(const DictCore& one, const SharedValue& a, const DictCore& other,
                  const SharedValue& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case SharedKind::kDict:
      return nodes_equal(one, static_cast<std::uint32_t>(a.word()), other,
                         static_cast<std::uint32_t>(b.word()));
    case SharedKind::kJson:
      return to_json(one, a) == to_json(other, b);
    case SharedKind::kText:
    case SharedKind::kBytes:
      return a.raw() == b.raw();
    default:
      return same_word({a.kind(), a.word(), {}}, b);
  }
}

}  // namespace

void check_key(const DictCore& core, SharedKeyView key) {
  if (key.is_text() && !is_utf8(key.text())) refuse(core, "a key is not UTF-8");
}

PreparedValue::PreparedValue(const DictCore& core, const SharedInput& input, bool recurse)
    : value_{input.kind(), input.word(), input.text()} {
  if (value_.kind == SharedKind::kText && !is_utf8(value_.text)) {
    refuse(core, "a text is not UTF-8");
  }
  if (value_.kind != SharedKind::kJson) return;
  const Json& json = *input.json();
  if (recurse && json.is_object()) {
    if (levels_of(json) > kMostLevels) {
      refuse(core, fmt::format("a value is nested more than {} levels deep", kMostLevels));
    }
    value_.kind = SharedKind::kDict;
    for (const auto& [name, member] : json.items()) {
      check_key(core, SharedKeyView(name));
    }
    const auto& object = json.get_ref<const Json::object_t&>();
    members_.reserve(object.size());
    for (const auto& [name, member] : object) {
      members_.emplace_back(name, PreparedValue(core, SharedInput(member), recurse));
    }
    return;
  }
  serialized_ = core.serializer().dumps(json);
}

std::size_t PreparedValue::bytes_to_set(std::size_t key_bytes) const noexcept {
  std::size_t bytes = kOperationHeaderBytes + key_bytes + serialized_.size() +
                      std::max(bytes_of(value_), sizeof(std::uint64_t));
  for (const auto& [name, member] : members_) bytes += member.bytes_to_set(name.size());
  return bytes;
}

void PreparedValue::set(DictCore::Change& change, const Replica::Place& place) const {
  if (value_.kind == SharedKind::kDict) {
    const std::uint32_t node = change.set_node(place);
    for (const auto& [name, member] : members_) member.set(change, {node, name});
    return;
  }
  PlainValue value = value_;
  if (value.kind == SharedKind::kJson) value.text = serialized_;
  change.set(place, value);
}

bool PreparedValue::equals(const DictCore& core, const SharedValue& value) const {
  if (value.kind() != value_.kind) return false;
  switch (value_.kind) {
    case SharedKind::kJson:
      return serialized_ == value.raw() ||
             core.serializer().loads(serialized_) == to_json(core, value);
    case SharedKind::kText:
    case SharedKind::kBytes:
      return value_.text == value.raw();
    case SharedKind::kDict: {
      const auto node = static_cast<std::uint32_t>(value.word());
      if (core.replica().node(node)->size != members_.size()) return false;
      for (const auto& [name, member] : members_) {
        const auto* entry = core.replica().find({node, name});
        if (!entry || !member.equals(core, entry->value)) return false;
      }
      return true;
    }
    default:
      return same_word(value_, value);
  }
}

Json to_json(const DictCore& core, const SharedValue& value) {
  switch (value.kind()) {
    case SharedKind::kNull:
      return nullptr;
    case SharedKind::kBool:
      return value.word() != 0;
    case SharedKind::kInteger:
      return static_cast<std::int64_t>(value.word());
    case SharedKind::kUnsigned:
      return value.word();
    case SharedKind::kReal:
      return std::bit_cast<double>(value.word());
    case SharedKind::kText:
      return value.raw();
    case SharedKind::kBytes:
      return {{"bytes", hexadecimal(value.raw())}};
    case SharedKind::kDict:
      return node_to_json(core, static_cast<std::uint32_t>(value.word()));
    case SharedKind::kJson:
      break;
  }
  try {
    return core.serializer().loads(value.raw());
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("{}: {}", core.operation("read"), error.what()));
  }
}

Json node_to_json(const DictCore& core, std::uint32_t node) {
  Json object = Json::object();
  for (const auto* entry = core.replica().node(node)->first; entry; entry = entry->next) {
    object[SharedKey(entry->key()).name()] = to_json(core, entry->value);
  }
  return object;
}

bool nodes_equal(const DictCore& one, std::uint32_t one_node, const DictCore& other,
                 std::uint32_t other_node) {
  const auto& first = *one.replica().node(one_node);
  if (first.size != other.replica().node(other_node)->size) return false;
  for (const auto* entry = first.first; entry; entry = entry->next) {
    const auto* found = other.replica().find({other_node, entry->key()});
    if (!found || !values_equal(one, entry->value, other, found->value)) return false;
  }
  return true;
}

}  // namespace h5flume::shared
