#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace h5flume {

/// A key of a persistent dict or a progress tracker: text, an integer, or a tuple of such.
///
///   dict.set("epoch", 3);
///   dict.set(5, "five");                        // another key than "5"
///   dict.set(Key::tuple("/images", 4096), {});  // a tuple, of tuples too
///
/// A key is kept and compared as its JSON text: 5, "5", ["/images",4096].
/// Threads: a value; copy it freely.
class Key {
 public:
  /// Throws kInvalidArgument for text that is not UTF-8.
  Key(std::string_view text);                                    // NOLINT: meant to convert
  Key(const std::string& text) : Key(std::string_view(text)) {}  // NOLINT
  Key(const char* text) : Key(std::string_view(text)) {}         // NOLINT
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) Key(Integer number)
      : text_(std::to_string(number)) {}  // NOLINT

  /// A tuple, also of one key or of none.
  static Key tuple(const std::vector<Key>& parts);
  template <class... Parts>
  requires(sizeof...(Parts) > 0 && (std::convertible_to<Parts, Key> && ...)) static Key
      tuple(Parts&&... parts) {
    return tuple(std::vector<Key>{Key(std::forward<Parts>(parts))...});
  }

  /// The key that a JSON value stands for: text, an integer, an array of such. Throws
  /// kInvalidArgument for any other.
  static Key from_json(const nlohmann::ordered_json& value);

  /// The key that JSON text stands for. Throws kCorruptData or kInvalidArgument.
  static Key parse(std::string_view json_text);

  /// A key that was stored: `json_text` is what json_text() gave, and is not looked at.
  static Key stored(std::string json_text) { return Key(Stored{}, std::move(json_text)); }

  const std::string& json_text() const noexcept { return text_; }
  nlohmann::ordered_json json() const;

  bool operator==(const Key&) const = default;
  auto operator<=>(const Key&) const = default;  ///< some order, for std::map

 private:
  struct Stored {};
  Key(Stored /*unused*/, std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace h5flume

template <>
struct std::hash<h5flume::Key> {
  std::size_t operator()(const h5flume::Key& key) const noexcept {
    return std::hash<std::string>()(key.json_text());
  }
};
