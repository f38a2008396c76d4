#include "readers/jobs/utf8_text.h"

#include <nlohmann/json.hpp>

namespace h5flume {

std::string utf8_text(std::string_view bytes) {
  using nlohmann::json;
  const std::string literal = json(bytes).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(literal).get<std::string>();
}

}  // namespace h5flume
