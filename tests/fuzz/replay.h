#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// What a fuzzer does without libFuzzer: `NAME [COUNT [SEED]] [FILE|FOLDER]...` tries what is in the
// files, and that many random inputs.
namespace h5flume::fuzz {

using MakeInput = std::function<std::vector<std::uint8_t>(std::mt19937_64&)>;

// Memory of the exact size, so that a sanitizer sees one byte too many.
inline void try_input(const std::vector<std::uint8_t>& input) {
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

inline void try_random(std::uint64_t count, std::uint64_t seed, const MakeInput& make_input) {
  std::cout << count << " random inputs, seed " << seed << std::endl;
  std::mt19937_64 random(seed);
  for (std::uint64_t i = 0; i < count; ++i) try_input(make_input(random));
}

inline void try_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  try_input({(std::istreambuf_iterator<char>(file)), {}});
}

// A file, or all files of a folder.
inline std::size_t try_files(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return try_file(path), 1;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    try_file(entry.path());
    ++count;
  }
  return count;
}

inline bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

inline int replay(int argc, char** argv, const MakeInput& make_input) {
  std::vector<std::uint64_t> numbers;
  std::size_t files = 0;
  for (const auto& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (is_number(argument)) {
      numbers.push_back(std::stoull(argument));
    } else {
      files += try_files(argument);
    }
  }
  if (files > 0) std::cout << files << " files" << std::endl;
  if (!numbers.empty() || files == 0) {
    try_random(!numbers.empty() ? numbers[0] : 20'000,
               numbers.size() > 1 ? numbers[1] : std::random_device{}(), make_input);
  }
  return EXIT_SUCCESS;
}

}  // namespace h5flume::fuzz
