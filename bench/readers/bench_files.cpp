#include "bench/readers/bench_files.h"

#include <H5Cpp.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "readers/hdf5/sample_file.h"

namespace h5flume::bench {
namespace {

constexpr const char* kImages = "images_gzip";
constexpr const char* kSensor = "sensor_gzip";
constexpr const char* kContiguous = "contiguous";
constexpr const char* kChunked = "chunked";

constexpr hsize_t kRows = 150'000;
constexpr hsize_t kColumns = 512;
constexpr hsize_t kSlabRows = 1'000;

void write_plain(const std::string& path, bool chunked) {
  const H5::H5File file(path, H5F_ACC_TRUNC);
  const hsize_t shape[] = {kRows, kColumns};
  const hsize_t chunk[] = {128, kColumns};
  const H5::DSetCreatPropList creation;
  if (chunked) creation.setChunk(2, chunk);
  const H5::DataSpace space(2, shape);
  const auto dataset = file.createDataSet("values", H5::PredType::IEEE_F32LE, space, creation);
  std::vector<float> slab(kSlabRows * kColumns);
  const hsize_t count[] = {kSlabRows, kColumns};
  const H5::DataSpace memory(2, count);
  for (hsize_t row = 0; row < kRows; row += kSlabRows) {
    for (std::size_t i = 0; i < slab.size(); ++i) {
      slab[i] = static_cast<float>((row * kColumns + i) % 1'000'003);
    }
    const hsize_t start[] = {row, 0};
    space.selectHyperslab(H5S_SELECT_SET, count, start);
    dataset.write(slab.data(), H5::PredType::NATIVE_FLOAT, memory, space);
  }
}

void write(const BenchFile& file, const std::string& path) {
  using hdf5::SampleKind;
  if (!file.filtered) return write_plain(path, file.name == kChunked);
  const SampleKind kind = file.name == kImages ? SampleKind::kImages : SampleKind::kSensor;
  hdf5::write_sample(path, kind, hdf5::default_rows(kind), {}, true);
}

}  // namespace

std::vector<BenchFile> bench_files(const std::string& folder) {
  const auto file = [&](const char* name, const char* dataset, bool filtered) {
    const auto path = std::filesystem::path(folder) / (std::string(name) + ".h5");
    return BenchFile{name, path.string(), dataset, filtered};
  };
  return {file(kImages, "/images", true), file(kSensor, "/sensor", true),
          file(kContiguous, "/values", false), file(kChunked, "/values", false)};
}

void make(const BenchFile& file) {
  if (std::filesystem::exists(file.path)) return;
  fmt::print(stderr, "writing {}\n", file.path);
  std::filesystem::create_directories(std::filesystem::path(file.path).parent_path());
  // Under another name first, so that a file that was interrupted is not taken for a whole one.
  const std::string partial = file.path + ".partial";
  write(file, partial);
  std::filesystem::rename(partial, file.path);
}

}  // namespace h5flume::bench
