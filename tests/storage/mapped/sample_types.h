#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "storage/mapped/build_options.h"
#include "storage/mapped/types.h"

// Structs that the tests of mapped containers store, and random values of them.
namespace h5flume::test {

// Too little for containers of many items, which are sorted in parts then.
inline constexpr MappedBuildOptions kLittleMemory{.durable = false, .memory_budget_bytes = 1 << 20};

struct Box {
  float x = 0;
  float y = 0;
  bool operator==(const Box&) const = default;
};
H5FLUME_FIELDS(Box, x, y);

struct Sample {
  std::uint64_t id = 7;
  std::string label;
  float weight = 0;
  std::optional<double> score;
  Settable<std::optional<std::int32_t>> rank;
  Box box;
  std::vector<std::string> tags;
  std::vector<std::byte> thumbnail;
  bool operator==(const Sample&) const = default;
};
H5FLUME_FIELDS(Sample, id, label, weight, score, rank, box, tags, thumbnail);

inline std::string random_text(std::mt19937_64& random, std::size_t most) {
  static const std::vector<std::string> kCharacters{"a", "b", "Z", "0", " ", "é", "語", "🜁"};
  std::string text;
  for (std::size_t left = random() % (most + 1); left > 0; --left) {
    text += kCharacters[random() % kCharacters.size()];
  }
  return text;
}

inline Sample random_sample(std::mt19937_64& random) {
  Sample sample;
  sample.id = random();
  sample.label = random_text(random, 40);
  sample.weight = static_cast<float>(random() % 1000) / 8;
  if (random() % 2 == 0) sample.score = static_cast<double>(random() % 1000);
  if (random() % 3 == 0) sample.rank = std::optional<std::int32_t>();
  if (random() % 3 == 0) sample.rank = std::optional(static_cast<std::int32_t>(random()));
  sample.box = {static_cast<float>(random() % 10), -1};
  for (auto left = random() % 4; left > 0; --left) sample.tags.push_back(random_text(random, 20));
  sample.thumbnail.resize(random() % 40, std::byte{0x5a});
  return sample;
}

inline std::vector<Sample> random_samples(std::mt19937_64& random, std::size_t count) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < count; ++i) samples.push_back(random_sample(random));
  return samples;
}

}  // namespace h5flume::test
