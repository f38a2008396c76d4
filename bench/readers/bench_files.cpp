#include "bench/readers/bench_files.h"

#include <H5Cpp.h>
#include <fmt/format.h>
#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "readers/hdf5/sample_file.h"

namespace h5flume::bench {
namespace {

constexpr const char* kImages = "images_gzip";
constexpr const char* kSensor = "sensor_gzip";
constexpr const char* kTable = "table_gzip";
constexpr const char* kZstd = "sensor_zstd";
constexpr const char* kLz4 = "sensor_lz4";
constexpr const char* kSmallChunks = "small_chunks";
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

void shuffle(const std::vector<float>& values, std::vector<char>& out) {
  const auto* bytes = reinterpret_cast<const char*>(values.data());
  out.resize(values.size() * sizeof(float));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i % sizeof(float) * values.size() + i / sizeof(float)] = bytes[i];
  }
}

std::vector<char> compress_zstd(const std::vector<char>& raw) {
  std::vector<char> stored(ZSTD_compressBound(raw.size()));
  stored.resize(ZSTD_compress(stored.data(), stored.size(), raw.data(), raw.size(), 3));
  return stored;
}

void append_big_endian(std::vector<char>& to, std::uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) to.push_back(static_cast<char>(value >> (8 * i)));
}

// The framing of the filter: total size, block size, and for each block, here one, its size.
std::vector<char> compress_lz4(const std::vector<char>& raw) {
  std::vector<char> block(
      static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(raw.size()))));
  block.resize(static_cast<std::size_t>(LZ4_compress_default(
      raw.data(), block.data(), static_cast<int>(raw.size()), static_cast<int>(block.size()))));
  if (block.size() >= raw.size()) block = raw;
  std::vector<char> stored;
  append_big_endian(stored, raw.size(), 8);
  append_big_endian(stored, raw.size(), 4);
  append_big_endian(stored, block.size(), 4);
  stored.insert(stored.end(), block.begin(), block.end());
  return stored;
}

// The values of sensor_gzip behind a filter that libhdf5 does not have: chunks are encoded here.
void write_encoded(const std::string& sensor, const std::string& path, bool zstd) {
  const H5::H5File from(sensor, H5F_ACC_RDONLY);
  const H5::DataSet source = from.openDataSet("/sensor");
  const H5::DataSpace space = source.getSpace();
  hsize_t shape[2] = {};
  space.getSimpleExtentDims(shape);
  const hsize_t chunk[] = {128, shape[1]};
  const H5::DSetCreatPropList creation;
  creation.setChunk(2, chunk);
  creation.setShuffle();
  creation.setFilter(zstd ? 32015 : 32004, H5Z_FLAG_OPTIONAL, 0, nullptr);
  const H5::H5File file(path, H5F_ACC_TRUNC);
  const auto dataset = file.createDataSet("sensor", H5::PredType::IEEE_F32LE, space, creation);

  std::vector<char> shuffled;
  for (hsize_t row = 0; row < shape[0]; row += chunk[0]) {
    std::vector<float> values(chunk[0] * chunk[1]);
    const hsize_t count[] = {std::min(chunk[0], shape[0] - row), shape[1]};
    const hsize_t start[] = {row, 0};
    space.selectHyperslab(H5S_SELECT_SET, count, start);
    source.read(values.data(), H5::PredType::NATIVE_FLOAT, H5::DataSpace(2, count), space);
    shuffle(values, shuffled);
    const auto stored = zstd ? compress_zstd(shuffled) : compress_lz4(shuffled);
    if (H5Dwrite_chunk(dataset.getId(), H5P_DEFAULT, 0, start, stored.size(), stored.data()) < 0) {
      throw H5::DataSetIException("H5Dwrite_chunk", "failed");
    }
  }
}

void write_small_chunks(const std::string& path) {
  constexpr hsize_t kCount = 10'000'000;
  const hsize_t chunk[] = {100};
  const hsize_t shape[] = {kCount};
  const H5::DSetCreatPropList creation;
  creation.setChunk(1, chunk);
  creation.setShuffle();
  creation.setDeflate(4);
  const H5::H5File file(path, H5F_ACC_TRUNC);
  const auto dataset =
      file.createDataSet("values", H5::PredType::IEEE_F32LE, H5::DataSpace(1, shape), creation);
  std::vector<float> values(kCount);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1009);
  dataset.write(values.data(), H5::PredType::NATIVE_FLOAT);
}

void write(const BenchFile& file, const std::string& path) {
  using hdf5::SampleKind;
  const auto sample = [&](SampleKind kind) {
    hdf5::write_sample(path, kind, hdf5::default_rows(kind), {}, true);
  };
  if (file.name == kImages) return sample(SampleKind::kImages);
  if (file.name == kSensor) return sample(SampleKind::kSensor);
  if (file.name == kTable) return sample(SampleKind::kTable);
  if (file.name == kSmallChunks) return write_small_chunks(path);
  if (file.name == kContiguous || file.name == kChunked) {
    return write_plain(path, file.name == kChunked);
  }
  const auto sensor =
      std::filesystem::path(file.path).parent_path() / (std::string(kSensor) + ".h5");
  write_encoded(sensor.string(), path, file.name == kZstd);
}

}  // namespace

std::vector<BenchFile> bench_files(const std::string& folder) {
  const auto file = [&](const char* name, const char* dataset, bool filtered) {
    const auto path = std::filesystem::path(folder) / (std::string(name) + ".h5");
    return BenchFile{name, path.string(), dataset, filtered};
  };
  std::vector<BenchFile> files{
      file(kImages, "/images", true),      file(kSensor, "/sensor", true),
      file(kTable, "/events", true),       file(kZstd, "/sensor", true),
      file(kLz4, "/sensor", true),         file(kSmallChunks, "/values", true),
      file(kContiguous, "/values", false), file(kChunked, "/values", false)};
  for (BenchFile& each : files) {
    each.library_reads = each.name != kZstd && each.name != kLz4;
    each.is_fast = !each.filtered || each.name == kZstd || each.name == kLz4;
    each.many_chunks = each.name == kSmallChunks;
  }
  return files;
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
