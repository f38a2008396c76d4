#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/persistent/exchange.h"
#include "storage/persistent/exchange/line_source_internal.h"
#include "tests/support/bytes.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace h5flume::test {

inline void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  REQUIRE(file.good());
}

// All that a source gives, one after the other: "FILE:LINE TEXT" or "FILE:LINE !PROBLEM", the file
// without its folder.
inline std::vector<std::string> drain(persistent::LineSource& source) {
  std::vector<std::string> lines;
  while (const auto line = source.next()) {
    lines.push_back(std::filesystem::path(line->file).filename().string() + ":" +
                    std::to_string(line->number) + " " +
                    (line->problem.empty() ? std::string(line->text) : "!" + line->problem));
  }
  return lines;
}

// Salvages, and keeps what is left out as "FILE:LINE CAUSE".
struct Salvage {
  std::vector<std::string> dropped;
  ImportOptions options{
      .salvage = true,
      .on_dropped =
          [this](const DroppedLine& line) {
            dropped.push_back(std::filesystem::path(line.file).filename().string() + ":" +
                              std::to_string(line.line) + " " + line.cause);
          },
      .on_progress = {}};
  Salvage() = default;
  Salvage(const Salvage&) = delete;
  Salvage& operator=(const Salvage&) = delete;
};

// Values and keys of every type, with what has to be escaped.
class RandomJson {
 public:
  explicit RandomJson(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }

  std::string text() {
    static const std::vector<std::string> kParts{
        "a", "t", "n", "\\", "\t", "\n", "\"", "ü", "𝄞", "\r", "\x01", "\x7f", " ", "\u2028", "/"};
    std::string text;
    for (std::size_t left = below(8); left > 0; --left) text += kParts[below(kParts.size())];
    return text;
  }

  Key key(std::size_t depth = 0) {
    switch (below(depth < 3 ? 3 : 2)) {
      case 0:
        return Key(text());
      case 1:
        return Key(static_cast<std::int64_t>(random_()) - 1000);
      default: {
        std::vector<Key> parts;
        for (std::size_t left = below(3); left > 0; --left) parts.push_back(key(depth + 1));
        return Key::tuple(parts);
      }
    }
  }

  Json value(std::size_t depth = 0) {
    switch (below(depth < 3 ? 7 : 5)) {
      case 0:
        return text();
      case 1:
        return static_cast<std::int64_t>(random_()) * -4711;
      case 2:
        return static_cast<double>(random_()) / 7;
      case 3:
        return below(2) == 1;
      case 4:
        return nullptr;
      case 5: {
        Json list = Json::array();
        for (std::size_t left = below(4); left > 0; --left) list.push_back(value(depth + 1));
        return list;
      }
      default:
        return object(depth + 1);
    }
  }

  Json object(std::size_t depth = 0) {
    Json members = Json::object();
    for (std::size_t left = below(4); left > 0; --left) members[text()] = value(depth + 1);
    return members;
  }

 private:
  std::mt19937 random_;
};

}  // namespace h5flume::test
