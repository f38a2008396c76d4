#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace h5flume {

class SharedKey;

/// What an integer key may be given as: any integer type whose values all fit into 64 signed bits.
template <class T>
concept SharedKeyInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                           (sizeof(T) < 8 || std::signed_integral<T>);

/// A key as it is given to a member of SharedDict: text or an integer. 5 and "5" are two keys.
///
///   dict.set("epoch", 3);
///   dict.set(5, "five");
///
/// Lifetime: borrows its text, so it is for parameters only. Making one allocates nothing.
class SharedKeyView {
 public:
  SharedKeyView(std::string_view text) noexcept : text_(text), is_text_(true) {}  // NOLINT
  SharedKeyView(const std::string& text) noexcept                                 // NOLINT
      : SharedKeyView(std::string_view(text)) {}
  SharedKeyView(const char* text) noexcept : SharedKeyView(std::string_view(text)) {}  // NOLINT
  template <SharedKeyInteger Integer>
  SharedKeyView(Integer number) noexcept : number_(number) {}  // NOLINT
  SharedKeyView(const SharedKey& key) noexcept;                // NOLINT

  bool is_text() const noexcept { return is_text_; }
  std::int64_t number() const noexcept { return number_; }  ///< 0 for text
  std::string_view text() const noexcept { return text_; }  ///< empty for an integer

  friend bool operator==(const SharedKeyView& one, const SharedKeyView& other) noexcept {
    return one.number_ == other.number_ && one.is_text_ == other.is_text_ &&
           one.text_ == other.text_;
  }

 private:
  std::string_view text_;
  std::int64_t number_ = 0;
  bool is_text_ = false;
};

/// A key that owns its text. Threads: a value; copy it freely.
class SharedKey {
 public:
  SharedKey(SharedKeyView key)  // NOLINT: meant to convert
      : text_(key.text()), number_(key.number()), is_text_(key.is_text()) {}
  SharedKey(const char* text) : SharedKey(SharedKeyView(text)) {}         // NOLINT
  SharedKey(const std::string& text) : SharedKey(SharedKeyView(text)) {}  // NOLINT
  template <SharedKeyInteger Integer>
  SharedKey(Integer number) : SharedKey(SharedKeyView(number)) {}  // NOLINT

  bool is_text() const noexcept { return is_text_; }
  std::int64_t number() const noexcept { return number_; }
  const std::string& text() const noexcept { return text_; }

  /// The text itself, or the integer's decimal digits: what names the entry in a JSON object.
  std::string name() const { return is_text_ ? text_ : std::to_string(number_); }

  bool operator==(const SharedKey&) const = default;
  auto operator<=>(const SharedKey&) const = default;  ///< some order, for std::map

 private:
  std::string text_;
  std::int64_t number_ = 0;
  bool is_text_ = false;
};

inline SharedKeyView::SharedKeyView(const SharedKey& key) noexcept
    : text_(key.text()), number_(key.number()), is_text_(key.is_text()) {}

}  // namespace h5flume
