// Metadata of the samples of a dataset, kept beside it: an array by row number, and a map by name.
//
//   sample_metadata FOLDER    writes both there, then looks a sample up

#include <cstdint>
#include <iostream>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_id_map.h"

struct Sample {
  std::string name;
  std::uint32_t label = 0;
  float weight = 1;
  std::optional<std::string> comment;
  std::vector<std::string> tags;
};
H5FLUME_FIELDS(Sample, name, label, weight, comment, tags);

namespace {

constexpr std::uint64_t kSamples = 100'000;

// Stands for whatever the metadata come from; nothing holds all of them in memory.
Sample sample_of_row(std::uint64_t row) {
  Sample sample{.name = "cat_" + std::to_string(row) + ".png",
                .label = static_cast<std::uint32_t>(row % 10),
                .weight = row % 4 == 0 ? 0.5F : 1.0F,
                .comment = {},
                .tags = {"train"}};
  if (row % 1000 == 0) sample.comment = "looked at by hand";
  return sample;
}

void write(const std::string& folder) {
  const auto rows = std::views::iota(std::uint64_t{0}, kSamples);
  h5flume::MappedArray<Sample>::build(folder + "/samples.array",
                                      rows | std::views::transform(sample_of_row));
  h5flume::MappedIdMap<std::string>::build(folder + "/samples.ids",
                                           rows | std::views::transform([](std::uint64_t row) {
                                             return std::pair(sample_of_row(row).name, row);
                                           }));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  write(folder);

  const auto samples = h5flume::MappedArray<Sample>::open(folder + "/samples.array");
  const auto rows = h5flume::MappedIdMap<std::string>::open(folder + "/samples.ids");

  double total = 0;
  for (const float weight : samples.column<&Sample::weight>()) total += weight;
  std::cout << "total weight " << total << "\n";

  if (const auto row = rows.find("cat_77000.png")) {
    const auto sample = samples[*row];
    std::cout << sample.name() << " is row " << *row << ", label " << sample.label() << ", "
              << sample.comment().value_or("no comment") << "\n";
  }
}
