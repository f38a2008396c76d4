// What looking at rows in place costs: a contiguous dataset is summed up through MappedRows, and
// the same bytes in a mapping made by hand. Both loops are the same; the difference is the library.
//
//   mapped_bench [Google Benchmark's options] [FOLDER of the files, as stream_bench has it]

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>

#include "bench/readers/bench_files.h"
#include "readers/hdf5/dataset.h"
#include "readers/worker/mapped_rows.h"

namespace h5flume::bench {
namespace {

// Eight sums side by side, so that memory is what limits it and not the adder.
std::uint64_t sum(std::span<const std::byte> bytes) {
  std::uint64_t sums[8] = {};
  for (std::size_t at = 0; at + sizeof sums <= bytes.size(); at += sizeof sums) {
    std::uint64_t words[8];
    std::memcpy(words, bytes.data() + at, sizeof words);
    for (int i = 0; i < 8; ++i) sums[i] += words[i];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t one : sums) total += one;
  return total;
}

void sum_rows(benchmark::State& state, const BenchFile& file, std::uint64_t rows_at_once) {
  const MappedRows mapped(file.path, file.dataset, {.index_folder = ""});
  const std::uint64_t rows = mapped.info().row_count();
  for (auto _ : state) {
    std::uint64_t total = 0;
    for (std::uint64_t row = 0; row < rows;) {
      const auto some = mapped.rows(row, std::min(rows_at_once, mapped.contiguous_rows(row)));
      total += sum(some.bytes());
      row += some.row_count();
    }
    benchmark::DoNotOptimize(total);
  }
  state.SetBytesProcessed(
      static_cast<std::int64_t>(state.iterations() * mapped.info().decoded_bytes()));
}

void sum_by_hand(benchmark::State& state, const BenchFile& file) {
  const hdf5::Dataset dataset(file.path, file.dataset);
  const std::uint64_t size = dataset.info().decoded_bytes();
  const std::uint64_t address = dataset.storage_map().address;
  const int descriptor = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::size_t length = std::filesystem::file_size(file.path);
  void* const memory = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap fails");
  for (auto _ : state) {
    benchmark::DoNotOptimize(sum({static_cast<const std::byte*>(memory) + address, size}));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * size));
  ::munmap(memory, length);
}

BenchFile contiguous_file(const std::string& folder) {
  for (const BenchFile& file : bench_files(folder)) {
    if (file.name == "contiguous") return file;
  }
  throw std::runtime_error("no contiguous file");
}

}  // namespace
}  // namespace h5flume::bench

int main(int argc, char** argv) {
  using namespace h5flume::bench;
  benchmark::Initialize(&argc, argv);
  const auto usual = std::filesystem::temp_directory_path() / "h5flume-bench";
  try {
    const BenchFile file = contiguous_file(argc > 1 ? argv[1] : usual.string());
    make(file);
    benchmark::RegisterBenchmark("mmap by hand", [&](auto& state) { sum_by_hand(state, file); });
    for (const std::uint64_t rows : {64, 4096, 1 << 30}) {
      benchmark::RegisterBenchmark(("MappedRows, rows at once: " + std::to_string(rows)).c_str(),
                                   [&file, rows](auto& state) { sum_rows(state, file, rows); });
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "mapped_bench: " << error.what() << "\n";
  }
  return 1;
}
