#include "storage/shared/shared_dict_options.h"

#include <vector>

#include "core/error.h"

namespace h5flume {
namespace {

// No value comes from deeper nesting than JSON text may have, whatever the form.
const Json& checked(const Json& value) {
  static_cast<void>(to_json_text(value, "value of a shared dict"));
  return value;
}

// Looks at bytes from outside before they become a value: nlohmann_json reads the binary forms by
// recursion, which deep nesting would drive beyond the stack.
class NestingLimit {
 public:
  bool null() { return true; }
  bool boolean(bool /*value*/) { return true; }
  bool number_integer(Json::number_integer_t /*value*/) { return true; }
  bool number_unsigned(Json::number_unsigned_t /*value*/) { return true; }
  bool number_float(Json::number_float_t /*value*/, const Json::string_t& /*text*/) { return true; }
  bool string(const Json::string_t& /*text*/) { return true; }
  bool binary(const Json::binary_t& /*bytes*/) { return true; }
  bool key(const Json::string_t& /*name*/) { return true; }
  bool start_object(std::size_t /*size*/) { return ++levels_ <= kMostJsonLevels; }
  bool start_array(std::size_t /*size*/) { return ++levels_ <= kMostJsonLevels; }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }
  template <class Exception>
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/, const Exception& /*error*/) {
    return false;
  }

 private:
  bool leave() {
    --levels_;
    return true;
  }
  std::size_t levels_ = 0;
};

Json load_binary(std::string_view bytes, Json::input_format_t format) {
  NestingLimit limit;
  if (!Json::sax_parse(bytes.begin(), bytes.end(), &limit, format)) {
    throw Error(ErrorCode::kCorruptData, "value of a shared dict: it is damaged");
  }
  return format == Json::input_format_t::cbor ? Json::from_cbor(bytes.begin(), bytes.end())
                                              : Json::from_msgpack(bytes.begin(), bytes.end());
}

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

SharedSerializer SharedSerializer::json() {
  return {"json", [](const Json& value) { return to_json_text(value, "value of a shared dict"); },
          [](std::string_view bytes) { return parse_json(bytes, "value of a shared dict"); }};
}

SharedSerializer SharedSerializer::cbor() {
  return {"cbor", [](const Json& value) { return text_of(Json::to_cbor(checked(value))); },
          [](std::string_view bytes) { return load_binary(bytes, Json::input_format_t::cbor); }};
}

SharedSerializer SharedSerializer::msgpack() {
  return {"msgpack", [](const Json& value) { return text_of(Json::to_msgpack(checked(value))); },
          [](std::string_view bytes) { return load_binary(bytes, Json::input_format_t::msgpack); }};
}

}  // namespace h5flume
