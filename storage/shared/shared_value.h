#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/persistent/json.h"

namespace h5flume {

/// What a SharedDict holds for a key. Numbers, text and bytes are kept as they are; arrays and
/// objects as the bytes that the dict's serializer makes of them.
enum class SharedKind : std::uint8_t {
  kNull = 1,
  kBool,
  kInteger,   ///< std::int64_t
  kUnsigned,  ///< std::uint64_t beyond the range of kInteger
  kReal,      ///< double, NaN and infinities included
  kText,      ///< UTF-8
  kBytes,
  kJson,  ///< an array or an object, serialized
  kDict,  ///< a nested dict, shared itself: SharedDict::nested()
};

/// "integer", "nested dict" and so on, for messages.
std::string_view to_string(SharedKind kind) noexcept;

/// A value in a dict, read in place.
///
/// Lifetime and threads: those of the local copy it lies in, see SharedDict::find().
class SharedValue {
 public:
  SharedKind kind() const noexcept { return kind_; }

  /// The number, text or bytes, if it is one and T can hold it: bool, the integer types, double,
  /// std::string, std::string_view (of text), std::span<const std::byte> and
  /// std::vector<std::byte> (of bytes). Integers convert to double and no other way round.
  template <class T>
  std::optional<T> as() const {
    static_assert(std::integral<T>, "a shared dict holds no such values");
    if (kind_ == SharedKind::kInteger) {
      const auto number = static_cast<std::int64_t>(word_);
      if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (kind_ == SharedKind::kUnsigned && std::in_range<T>(word_)) {
      return static_cast<T>(word_);
    }
    return std::nullopt;
  }

  /// Text, bytes, or what the serializer made of an array or object; empty for any other kind.
  std::string_view raw() const noexcept { return text_; }

  // Written by the library.
  SharedValue() = default;
  SharedValue(SharedKind kind, std::uint64_t word) noexcept : word_(word), kind_(kind) {}
  SharedValue(SharedKind kind, std::string_view text) : text_(text), kind_(kind) {}
  std::uint64_t word() const noexcept { return word_; }  ///< the number's 64 bits, or a node
  void assign(SharedKind kind, std::uint64_t word, std::string_view text) {
    text_.assign(text);
    word_ = word;
    kind_ = kind;
  }

 private:
  std::string text_;
  std::uint64_t word_ = 0;
  SharedKind kind_ = SharedKind::kNull;
};

// Every T that is no integer; others do not compile.
template <>
std::optional<bool> SharedValue::as() const;
template <>
std::optional<double> SharedValue::as() const;
template <>
std::optional<std::string_view> SharedValue::as() const;
template <>
std::optional<std::string> SharedValue::as() const;
template <>
std::optional<std::span<const std::byte>> SharedValue::as() const;
template <>
std::optional<std::vector<std::byte>> SharedValue::as() const;

/// A value as it is given to SharedDict::set() and its like: nullptr, bool, any number, text, a
/// span or vector of std::byte, or Json.
///
/// Lifetime: borrows text, bytes and Json, so it is for parameters only.
class SharedInput {
 public:
  SharedInput(std::nullptr_t /*null*/) noexcept {}  // NOLINT
  template <std::same_as<bool> Bool>
  SharedInput(Bool value) noexcept : word_(value ? 1 : 0), kind_(SharedKind::kBool) {}  // NOLINT
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
  SharedInput(Integer value) noexcept  // NOLINT
      : word_(static_cast<std::uint64_t>(value)), kind_(SharedKind::kInteger) {
    if constexpr (std::unsigned_integral<Integer> && sizeof(Integer) == 8) {
      if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        kind_ = SharedKind::kUnsigned;
      }
    }
  }
  template <std::floating_point Real>
  SharedInput(Real value) noexcept : SharedInput() {  // NOLINT
    set_real(static_cast<double>(value));
  }
  SharedInput(std::string_view text) noexcept : text_(text), kind_(SharedKind::kText) {}  // NOLINT
  SharedInput(const std::string& text) noexcept                                           // NOLINT
      : SharedInput(std::string_view(text)) {}
  SharedInput(const char* text) noexcept : SharedInput(std::string_view(text)) {}  // NOLINT
  SharedInput(std::span<const std::byte> bytes) noexcept                           // NOLINT
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
        kind_(SharedKind::kBytes) {}
  SharedInput(const std::vector<std::byte>& bytes) noexcept  // NOLINT
      : SharedInput(std::span<const std::byte>(bytes)) {}
  template <std::same_as<Json> Value>
  SharedInput(const Value& value) : SharedInput() {  // NOLINT
    set_json(value);
  }

  SharedKind kind() const noexcept { return kind_; }
  std::uint64_t word() const noexcept { return word_; }
  std::string_view text() const noexcept { return text_; }
  const Json* json() const noexcept { return json_; }  ///< an array or object, for kJson

 private:
  SharedInput() noexcept = default;
  void set_real(double value) noexcept;
  void set_json(const Json& value);

  std::string_view text_;
  std::uint64_t word_ = 0;
  const Json* json_ = nullptr;
  SharedKind kind_ = SharedKind::kNull;
};

}  // namespace h5flume
