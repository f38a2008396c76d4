// Feeds FilterPipeline arbitrary bytes: the first chooses the filters, the next their parameters,
// the rest is the chunk. Clang with -fsanitize=fuzzer brings the search; built without it, this
// replays the files it is given, or as many random inputs as its first argument says.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "core/error.h"
#include "readers/chunks/filter_pipeline.h"
#include "tests/fuzz/replay.h"

using namespace h5flume;

namespace {

constexpr std::size_t kChunkBytes = 4096;
constexpr std::array<int, 9> kFilterIds = {1, 2, 3, 4, 32000, 32001, 32004, 32008, 32015};

hdf5::Filter filter_from(std::uint8_t choice, std::uint8_t parameter) {
  const int id = kFilterIds[choice % kFilterIds.size()];
  const std::uint32_t small = parameter % 16 + 1;
  switch (id) {
    case 2:
      return {id, "", {small}};
    case 4: {
      const std::uint32_t bits = std::array{8u, 16u, 32u, 64u}[parameter / 16 % 4];
      return {id, "", {parameter / 64 * 16u + 32u, 2 * small, bits, 2 * small + parameter}};
    }
    case 32008:
      return {id, "", {0, 4, small, parameter / 32 * 8u, std::array{0u, 2u, 3u}[parameter % 3]}};
    default:
      return {id, "", {parameter}};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeaderBytes = 6;
  if (size < kHeaderBytes) return 0;
  std::vector<hdf5::Filter> filters;
  for (std::size_t i = 0; i <= data[0] % 3u; ++i) {
    filters.push_back(filter_from(data[1 + i], data[2 + i]));
  }
  if (chunks::FilterPipeline::unsupported(filters)) return 0;
  chunks::FilterPipeline pipeline(filters, kChunkBytes);
  std::vector<std::byte> out(kChunkBytes);
  const auto stored = std::as_bytes(std::span(data, size)).subspan(kHeaderBytes);
  try {
    pipeline.decode(stored, data[5], out);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) std::abort();
  }
  return 0;
}

#if !defined(H5FLUME_LIBFUZZER)

namespace {

// Small numbers are what sizes and lengths are made of.
std::vector<std::uint8_t> small_numbers(std::mt19937_64& random) {
  std::vector<std::uint8_t> input(random() % 300);
  for (auto& byte : input) {
    byte = static_cast<std::uint8_t>(random() % 3 == 0 ? random() % 4 : random());
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) { return h5flume::fuzz::replay(argc, argv, small_numbers); }

#endif
