#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"
#include "storage/persistent/redis/redis_address_internal.h"

namespace h5flume::redis {
namespace {

constexpr std::string_view kNetwork = "redis://";
constexpr std::string_view kUnix = "redis+unix://";

[[noreturn]] void refuse(std::string_view address, std::string_view why) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("tracker {}: {}", without_password(address), why));
}

struct Parts {
  std::string_view before;
  std::optional<std::string_view> after;  // nothing: there is no separator
};

Parts split_at(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

// Reads one address; every complaint names it.
class Parser {
 public:
  explicit Parser(std::string_view address) : address_(address) {}

  Address parse() {
    const bool is_unix = address_.starts_with(kUnix);
    if (!is_address(address_)) refuse(address_, "it is no redis:// address");
    const auto [place, query] = split_at(address_.substr((is_unix ? kUnix : kNetwork).size()), '?');
    const auto [first, second] = split_at(place, '@');
    // What comes after '@' is shown in messages, so no part of a password must end up there.
    if (second.value_or("").find('@') != std::string_view::npos ||
        query.value_or("").find('@') != std::string_view::npos ||
        address_.find('#') != std::string_view::npos) {
      refuse(address_, "in a user, password or name '@' is written %40, '?' %3F and '#' %23");
    }
    if (second) parse_user(first);
    const auto rest = second.value_or(first);
    if (is_unix) {
      parse_socket(rest);
    } else {
      parse_host(rest);
    }
    if (query) parse_query(*query);
    result_.shown = without_password(address_);
    return std::move(result_);
  }

 private:
  void parse_user(std::string_view text) {
    if (text.find('/') != std::string_view::npos) {
      refuse(address_, "'/' in a user or password has to be %2F");
    }
    const auto [user, password] = split_at(text, ':');
    if (!password) refuse(address_, "a user stands without a password: USER:PASSWORD@HOST");
    result_.user = decoded(user);
    result_.password = decoded(*password);
    if (result_.password.empty()) refuse(address_, "its password is empty");
  }

  void parse_socket(std::string_view text) {
    if (!text.starts_with('/')) refuse(address_, "the path of a socket begins with '/'");
    result_.socket = decoded(text);
  }

  void parse_host(std::string_view text) {
    const auto [server, database] = split_at(text, '/');
    if (database && !database->empty())
      result_.database = number(*database, "database", 0, 1 << 20);
    std::string_view host = server;
    std::optional<std::string_view> port;
    if (server.starts_with('[')) {
      const auto end = server.find(']');
      if (end == std::string_view::npos) refuse(address_, "'[' without ']'");
      host = server.substr(1, end - 1);
      const auto rest = server.substr(end + 1);
      if (!rest.empty() && rest[0] != ':') refuse(address_, "']' is followed by no ':PORT'");
      if (!rest.empty()) port = rest.substr(1);
    } else {
      const auto parts = split_at(server, ':');
      host = parts.before;
      port = parts.after;
    }
    result_.host = decoded(host);
    if (result_.host.empty()) refuse(address_, "it names no host");
    if (port) result_.port = number(*port, "port", 1, 65535);
  }

  void parse_query(std::string_view query) {
    for (std::optional<std::string_view> rest = query; rest;) {
      const auto [option, others] = split_at(*rest, '&');
      const auto [name, value] = split_at(option, '=');
      if (!value) refuse(address_, fmt::format("option '{}' has no value", name));
      set_option(name, *value);
      rest = others;
    }
  }

  void set_option(std::string_view name, std::string_view value) {
    if (name == "name") {
      result_.name = decoded(value);
      const bool usable = std::none_of(result_.name.begin(), result_.name.end(), [](char c) {
        return c == '{' || c == '}' || static_cast<unsigned char>(c) < 0x20;
      });
      if (!usable || result_.name.empty()) {
        refuse(address_, "a name has at least one character, no braces and no control characters");
      }
    } else if (name == "database" && !result_.socket.empty()) {
      result_.database = number(value, "database", 0, 1 << 20);
    } else if (name == "alive_ms") {
      result_.alive = std::chrono::milliseconds(number(value, "alive_ms", 100, 86'400'000));
    } else {
      refuse(address_, fmt::format("there is no option '{}'", name));
    }
  }

  int number(std::string_view text, std::string_view what, int least, int most) const {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
      refuse(address_, fmt::format("{} is a number from {} to {}", what, least, most));
    }
    return value;
  }

  std::string decoded(std::string_view text) const {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        result += text[i];
        continue;
      }
      const auto digits = text.substr(i + 1, 2);
      unsigned value = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2 || value == 0) {
        refuse(address_, "'%' is followed by two hexadecimal digits, not by 00");
      }
      result += static_cast<char>(value);
      i += 2;
    }
    return result;
  }

  std::string_view address_;
  Address result_;
};

}  // namespace

std::string Address::server() const {
  if (!socket.empty()) return socket;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

bool is_address(std::string_view address) noexcept {
  return address.starts_with(kNetwork) || address.starts_with(kUnix);
}

Address parse_address(std::string_view text) { return Parser(text).parse(); }

// A password that should have been written with %xx may hold any character: the last '@' counts.
std::string without_password(std::string_view address) {
  const auto scheme = address.find("://");
  const auto at = address.rfind('@');
  if (scheme == std::string_view::npos || at == std::string_view::npos || at < scheme) {
    return std::string(address);
  }
  return fmt::format("{}{}", address.substr(0, scheme + 3), address.substr(at + 1));
}

}  // namespace h5flume::redis
