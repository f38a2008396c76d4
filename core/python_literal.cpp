#include <fmt/format.h>

#include "core/python_literal_internal.h"

namespace h5flume {

std::string python_literal(std::string_view text) {
  std::string literal = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') {
      literal += '\\';
      literal += letter;
    } else if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) {
      literal += fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
    } else {
      literal += letter;
    }
  }
  return literal + "'";
}

}  // namespace h5flume
