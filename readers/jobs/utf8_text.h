#pragma once

#include <string>
#include <string_view>

namespace h5flume {

/// `bytes` as UTF-8, which JSON text has to be: U+FFFD in place of what is none.
std::string utf8_text(std::string_view bytes);

}  // namespace h5flume
