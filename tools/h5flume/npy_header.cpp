#include "tools/h5flume/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/error.h"
#include "core/saturating.h"
#include "core/typed_view.h"
#include "tools/h5flume/python_value.h"

namespace h5flume::cli {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMagicBytes = 8;  // and two bytes of version

// --- writing
// --------------------------------------------------------------------------------------

// Every axis with a comma, which Python takes, and needs behind a single one; the first with room
// for as many digits as `most_rows` has.
std::string shape_text(const std::vector<std::uint64_t>& shape, std::uint64_t most_rows) {
  std::string text;
  for (const std::uint64_t extent : shape) {
    const bool is_first = text.empty();
    text += fmt::format("{:<{}}, ", extent, is_first ? std::to_string(most_rows).size() : 1);
  }
  return "(" + text + ")";
}

const ElementType& base_of(const ElementType& type) {
  return type.kind == ElementKind::kArray ? base_of(type.base.at(0)) : type;
}

char version_for(const std::string& description) {
  const bool ascii = std::all_of(description.begin(), description.end(), [](char letter) {
    return static_cast<unsigned char>(letter) < 0x80;
  });
  if (!ascii) return 3;
  return description.size() + kAlignment > 0xffff ? 2 : 1;
}

// --- reading
// --------------------------------------------------------------------------------------

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(ErrorCode::kCorruptData, "it is no .npy file: " + why);
}

// Names need not be UTF-8.
std::string text_of(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ElementType number(ElementKind kind, std::size_t size) {
  ElementType type;
  type.kind = kind;
  type.size = size;
  return type;
}

ElementType complex_of(std::size_t size) {
  ElementType type = number(ElementKind::kCompound, size);
  type.fields = {{"r", 0, number(ElementKind::kFloat, size / 2)},
                 {"i", size / 2, number(ElementKind::kFloat, size / 2)}};
  return type;
}

// "<f4" and so on.
ElementType simple_type(const std::string& text) {
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its elements are of type '{}': {}", text, why));
  };
  std::size_t size = 0;
  const char* end = text.data() + text.size();
  if (text.size() < 3 || std::from_chars(text.data() + 2, end, size).ptr != end || size == 0) {
    refuse("that is not served");
  }
  if (text[0] == '>' && size > 1) refuse("numbers have to be little-endian");
  switch (text[1]) {
    case 'b':
      return number(ElementKind::kBool, size);
    case 'i':
      return number(ElementKind::kInteger, size);
    case 'u':
      return number(ElementKind::kUnsigned, size);
    case 'f':
      return number(ElementKind::kFloat, size);
    case 'c':
      return complex_of(size);
    case 'S':
      return number(ElementKind::kString, size);
    case 'V':
      return number(ElementKind::kOpaque, size);
    default:
      refuse("that is not served");
  }
  return {};
}

std::vector<std::uint64_t> shape_of(const Json& value) {
  std::vector<std::uint64_t> shape;
  if (!value.is_array()) corrupt("its shape is " + text_of(value));
  for (const auto& extent : value) {
    if (!extent.is_number_integer() || extent.get<std::int64_t>() < 0) {
      corrupt("its shape is " + text_of(value));
    }
    shape.push_back(extent.get<std::uint64_t>());
  }
  return shape;
}

ElementType array_of(ElementType base, std::vector<std::uint64_t> dims) {
  ElementType type = number(ElementKind::kArray, base.size);
  for (const auto extent : dims) type.size = saturating_product(type.size, extent);
  type.dims = std::move(dims);
  type.base.push_back(std::move(base));
  return type;
}

ElementType type_of(const Json& description);

// [name, type] or [name, type, shape]; a name may come with a title. Padding has no name.
void add_field(ElementType& compound, const Json& entry) {
  if (!entry.is_array() || entry.size() < 2 || entry.size() > 3) corrupt("field " + text_of(entry));
  const Json& name = entry[0].is_array() && entry[0].size() == 2 ? entry[0][1] : entry[0];
  if (!name.is_string()) corrupt("field " + text_of(entry));
  ElementType type = type_of(entry[1]);
  if (entry.size() == 3) {
    type = array_of(std::move(type),
                    entry[2].is_array() ? shape_of(entry[2]) : shape_of(Json::array({entry[2]})));
  }
  const std::size_t offset = compound.size;
  compound.size = saturating_sum(compound.size, type.size);
  if (!name.get<std::string>().empty()) compound.fields.push_back({name, offset, std::move(type)});
}

ElementType type_of(const Json& description) {
  if (description.is_string()) return simple_type(description.get<std::string>());
  if (!description.is_array() || description.empty()) corrupt("descr is " + text_of(description));
  ElementType compound = number(ElementKind::kCompound, 0);
  for (const auto& entry : description) add_field(compound, entry);
  return compound;
}

// The text between the magic number and the elements.
std::string_view header_text(std::string_view file) {
  if (file.size() < kMagicBytes || file.substr(0, kMagic.size()) != kMagic) {
    corrupt("it does not begin as one");
  }
  const std::size_t length_bytes = file[kMagic.size()] == 1 ? 2 : 4;
  std::size_t length = 0;
  const std::string_view digits = file.substr(kMagicBytes, length_bytes);
  if (digits.size() < length_bytes) corrupt("it ends within its header");
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(digits[i])) << (8 * i);
  }
  const std::string_view text = file.substr(kMagicBytes + length_bytes, length);
  if (text.size() < length) corrupt("it ends within its header");
  return text;
}

}  // namespace

NpyArray npy_array(const ElementType& type, const std::vector<std::uint64_t>& shape) {
  return {base_of(type), internal::view_shape(type, shape, false)};
}

// The header is padded with spaces, so that the data begins at a multiple of 64 bytes.
std::string npy_header(const NpyArray& array, std::uint64_t most_rows) {
  std::string description =
      fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}, }}", numpy_descr(array.type),
                  shape_text(array.shape, most_rows));
  const char version = version_for(description);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t before = kMagicBytes + length_bytes;
  const std::size_t unpadded = before + description.size() + 1;
  description.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  description += '\n';

  std::string header(kMagic);
  header += version;
  header += '\0';
  for (std::size_t byte = 0; byte < length_bytes; ++byte) {
    header += static_cast<char>(description.size() >> (8 * byte) & 0xff);
  }
  return header + description;
}

NpyArray parse_npy_header(std::span<const std::byte> file, std::size_t& header_bytes) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  const std::string_view text = header_text(bytes);
  header_bytes = static_cast<std::size_t>(text.data() - bytes.data()) + text.size();
  const Json header = parse_python_value(text);
  if (!header.is_object() || !header.contains("descr") || !header.contains("shape") ||
      !header.contains("fortran_order")) {
    corrupt("its header is " + text_of(header));
  }
  NpyArray array{type_of(header["descr"]), shape_of(header["shape"])};
  if (header["fortran_order"] != false && array.shape.size() > 1) {
    throw Error(
        ErrorCode::kUnsupported,
        "its elements are in Fortran order; numpy.ascontiguousarray() puts them in C order");
  }
  return array;
}

}  // namespace h5flume::cli
