#include "storage/shared/shared_value.h"

#include <bit>

namespace h5flume {
namespace {

std::span<const std::byte> as_bytes(const std::string& text) noexcept {
  return std::as_bytes(std::span(text));
}

}  // namespace

std::string_view to_string(SharedKind kind) noexcept {
  switch (kind) {
    case SharedKind::kNull:
      return "null";
    case SharedKind::kBool:
      return "bool";
    case SharedKind::kInteger:
    case SharedKind::kUnsigned:
      return "integer";
    case SharedKind::kReal:
      return "real number";
    case SharedKind::kText:
      return "text";
    case SharedKind::kBytes:
      return "bytes";
    case SharedKind::kJson:
      return "JSON array or object";
    case SharedKind::kDict:
      return "nested dict";
  }
  return "unknown";
}

template <>
std::optional<bool> SharedValue::as() const {
  return kind_ == SharedKind::kBool ? std::optional(word_ != 0) : std::nullopt;
}
template <>
std::optional<double> SharedValue::as() const {
  switch (kind_) {
    case SharedKind::kReal:
      return std::bit_cast<double>(word_);
    case SharedKind::kInteger:
      return static_cast<double>(static_cast<std::int64_t>(word_));
    case SharedKind::kUnsigned:
      return static_cast<double>(word_);
    default:
      return std::nullopt;
  }
}
template <>
std::optional<std::string_view> SharedValue::as() const {
  return kind_ == SharedKind::kText ? std::optional<std::string_view>(text_) : std::nullopt;
}
template <>
std::optional<std::string> SharedValue::as() const {
  return kind_ == SharedKind::kText ? std::optional(text_) : std::nullopt;
}
template <>
std::optional<std::span<const std::byte>> SharedValue::as() const {
  return kind_ == SharedKind::kBytes ? std::optional(as_bytes(text_)) : std::nullopt;
}
template <>
std::optional<std::vector<std::byte>> SharedValue::as() const {
  if (kind_ != SharedKind::kBytes) return std::nullopt;
  const auto bytes = as_bytes(text_);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

void SharedInput::set_real(double value) noexcept {
  word_ = std::bit_cast<std::uint64_t>(value);
  kind_ = SharedKind::kReal;
}

void SharedInput::set_json(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return;
    case Json::value_t::boolean:
      *this = value.get<bool>();
      return;
    case Json::value_t::number_integer:
      *this = value.get<std::int64_t>();
      return;
    case Json::value_t::number_unsigned:
      *this = value.get<std::uint64_t>();
      return;
    case Json::value_t::number_float:
      *this = value.get<double>();
      return;
    case Json::value_t::string:
      *this = std::string_view(value.get_ref<const std::string&>());
      return;
    default:
      // Arrays, objects; and what the serializer will refuse.
      json_ = &value;
      kind_ = SharedKind::kJson;
  }
}

}  // namespace h5flume
