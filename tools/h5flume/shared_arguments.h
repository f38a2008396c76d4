#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/shared/shared_dict.h"
#include "tools/h5flume/command.h"

namespace h5flume::cli {

/// What the subcommands of `h5flume shared` are told.
struct SharedArguments {
  std::string folder = "/dev/shm";
  std::string dict;
  std::vector<std::string> nested_texts;  // keys that lead to a nested dict
  std::string key_text;
  std::string value_text;
  bool whole = true;  // no KEY was given
  bool text_key = false;
  bool text_value = false;
  bool damaged_too = false;
  std::uint64_t limit = ~std::uint64_t{0};

  /// Throws CLI::ValidationError for what is no key, or no JSON.
  SharedKey key() const;
  std::vector<SharedKey> nested_keys() const;
  Json value() const;

  /// Attaches. Throws as SharedDict::attach() does.
  SharedDict attach() const;

  /// The one that nested_keys() lead to.
  SharedDict attach_nested() const;
};

/// JSON of a key: an integer or a text.
Json to_json(const SharedKey& key);

/// Seconds since a moment, not less than 0.
double seconds_since(std::chrono::system_clock::time_point moment);

/// Seconds since 1970, for JSON.
double unix_seconds(std::chrono::system_clock::time_point moment);

}  // namespace h5flume::cli
