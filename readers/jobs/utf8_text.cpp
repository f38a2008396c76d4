#include "readers/jobs/utf8_text.h"

#include <nlohmann/json.hpp>

namespace h5flume {

std::string utf8_text(std::string_view bytes) {
  using Json = nlohmann::json;
  const std::string literal = Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(literal).get<std::string>();
}

}  // namespace h5flume
