#include "tools/h5flume/array_text.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/h5flume/element_text.h"

namespace h5flume::cli {
namespace {

constexpr std::uint64_t kMostElements = 1000;  // as in numpy
constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::uint64_t kEdge = 3;
constexpr std::size_t kLineWidth = 75;

using Extents = std::vector<std::uint64_t>;

bool is_long(const Request& wanted) {
  return wanted.size() > kMostElements || wanted.bytes() > kMostBytes;
}

// The first and the last places of `axis`.
Selection ends_of(std::size_t axis, std::uint64_t extent) {
  const auto size = static_cast<std::int64_t>(extent);
  const auto edge = static_cast<std::int64_t>(kEdge);
  IndexList ends;
  for (std::int64_t place = 0; place < edge; ++place) ends.indices.push_back(place);
  for (std::int64_t place = size - edge; place < size; ++place) ends.indices.push_back(place);
  AxisItems items(axis, all());
  items.emplace_back(std::move(ends));
  return items;
}

std::vector<std::string> texts_of_elements(const Array& shown) {
  std::vector<std::string> texts;
  const std::byte* bytes = shown.bytes().data();
  for (std::uint64_t at = 0; at < shown.size(); ++at, bytes += shown.type().size) {
    texts.push_back(element_text(shown.type(), bytes));
  }
  return texts;
}

std::vector<std::string> texts_of_lists(const Array& shown) {
  std::vector<std::string> texts;
  const auto lists = shown.lists<std::byte>();
  for (std::size_t at = 0; at < lists.size(); ++at) {
    texts.push_back(list_text(shown.type(), lists[at]));
  }
  return texts;
}

class Writer {
 public:
  // `has_gap` tells of each axis whether its middle was left out of `shown`.
  Writer(const Array& shown, std::vector<bool> has_gap)
      : shape_(shown.shape()), has_gap_(std::move(has_gap)) {
    const ElementType& type = shown.type();
    aligned_ = type.kind != ElementKind::kCompound && type.kind != ElementKind::kString &&
               !type.is_variable_length();
    elements_ = type.is_variable_length() ? texts_of_lists(shown) : texts_of_elements(shown);
    for (const std::string& element : elements_) width_ = std::max(width_, element.size());
  }

  std::string text() {
    if (shape_.empty()) return elements_.front();
    if (elements_.empty()) return "[]";
    axis(0);
    return std::move(text_);
  }

 private:
  void axis(std::size_t number) {
    text_ += '[';
    for (std::uint64_t at = 0; at < shape_[number]; ++at) {
      if (has_gap_[number] && at == kEdge) add(number, at, "...");
      if (number + 1 < shape_.size()) {
        separate(number, at, 0);
        axis(number + 1);
      } else {
        add(number, at, aligned(elements_[next_++]));
      }
    }
    text_ += ']';
  }

  void add(std::size_t axis, std::uint64_t at, std::string_view word) {
    separate(axis, at, word.size());
    text_ += word;
  }

  // Elements of the last axis stand in lines of bounded width, those of others below each other:
  // as many newlines between them as they have axes.
  void separate(std::size_t axis, std::uint64_t at, std::size_t next_width) {
    if (at == 0) return;
    const std::size_t inner = shape_.size() - axis - 1;
    const std::size_t line = text_.size() - (text_.rfind('\n') + 1);
    if (inner == 0 && line + 1 + next_width < kLineWidth) {
      text_ += ' ';
    } else {
      text_.append(std::max<std::size_t>(inner, 1), '\n').append(axis + 1, ' ');
    }
  }

  std::string aligned(const std::string& element) const {
    return aligned_ ? std::string(width_ - element.size(), ' ') + element : element;
  }

  const Extents& shape_;
  std::vector<bool> has_gap_;
  std::vector<std::string> elements_;  // in C order
  std::size_t next_ = 0;
  std::size_t width_ = 0;  // of the longest
  bool aligned_ = false;   // to the right
  std::string text_;
};

}  // namespace

std::string array_text(const Request& wanted) {
  const Extents& shape = wanted.shape();
  std::vector<bool> has_gap(shape.size());
  Request shown = wanted;
  for (std::size_t axis = 0; is_long(wanted) && axis < shape.size(); ++axis) {
    has_gap[axis] = shape[axis] > 2 * kEdge;
    if (has_gap[axis]) shown = shown[ends_of(axis, shape[axis])];
  }
  const Array elements = shown.read();
  return Writer(elements, std::move(has_gap)).text();
}

}  // namespace h5flume::cli
