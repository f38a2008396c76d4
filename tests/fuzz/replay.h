#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// What a fuzzer does without libFuzzer: `NAME [COUNT [SEED]]` tries that many random inputs, and
// `NAME FILE...` those in files.
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

inline bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

inline int replay(int argc, char** argv, const MakeInput& make_input) {
  if (argc < 2 || is_number(argv[1])) {
    try_random(argc > 1 ? std::stoull(argv[1]) : 20'000,
               argc > 2 ? std::stoull(argv[2]) : std::random_device{}(), make_input);
    return EXIT_SUCCESS;
  }
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    try_input({(std::istreambuf_iterator<char>(file)), {}});
  }
  return EXIT_SUCCESS;
}

}  // namespace h5flume::fuzz
