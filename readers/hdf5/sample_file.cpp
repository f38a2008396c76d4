#include "readers/hdf5/sample_file.h"

#include <H5Cpp.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <vector>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"

namespace h5flume::hdf5 {
namespace {

constexpr unsigned kGzipLevel = 4;
constexpr hsize_t kSide = 64;
constexpr hsize_t kColours = 3;
constexpr hsize_t kChannels = 512;

// Source: splitmix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators".
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t bits = state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }

 private:
  std::uint64_t state_;
};

// Rows are drawn from their number, not from the row before: a slab's size changes nothing.
Random random_of_row(std::uint64_t row) { return Random(Random(row).next()); }

H5::DSetCreatPropList chunked_gzip(std::vector<hsize_t> chunk, std::uint64_t rows) {
  H5::DSetCreatPropList creation;
  chunk[0] = std::min<hsize_t>(chunk[0], std::max<std::uint64_t>(rows, 1));
  creation.setChunk(static_cast<int>(chunk.size()), chunk.data());
  creation.setShuffle();
  creation.setDeflate(kGzipLevel);
  return creation;
}

// A dataset that grows by slabs of rows up to its fixed shape.
class RowWriter {
 public:
  RowWriter(H5::H5File& file, const char* path, const H5::DataType& type,
            std::vector<hsize_t> shape, const H5::DSetCreatPropList& creation)
      : type_(type),
        shape_(std::move(shape)),
        dataset_(file.createDataSet(
            path, type_, H5::DataSpace(static_cast<int>(shape_.size()), shape_.data()), creation)) {
  }

  void write(std::uint64_t first_row, std::uint64_t row_count, const void* rows) {
    std::vector<hsize_t> start(shape_.size(), 0);
    std::vector<hsize_t> count = shape_;
    start[0] = first_row;
    count[0] = row_count;
    const H5::DataSpace place = dataset_.getSpace();
    place.selectHyperslab(H5S_SELECT_SET, count.data(), start.data());
    dataset_.write(rows, type_, H5::DataSpace(static_cast<int>(count.size()), count.data()), place);
  }

 private:
  H5::DataType type_;
  std::vector<hsize_t> shape_;
  H5::DataSet dataset_;
};

// Calls `write_slab(first_row, row_count)` over all rows and reports progress.
template <class WriteSlab>
void in_slabs(std::uint64_t rows, std::uint64_t slab_rows, const SampleProgress& progress,
              const WriteSlab& write_slab) {
  for (std::uint64_t row = 0; row < rows; row += slab_rows) {
    const std::uint64_t count = std::min(slab_rows, rows - row);
    write_slab(row, count);
    if (progress) progress(row + count, rows);
  }
}

// A smooth patch of colour with the noise of a camera on top.
void draw_image(std::uint64_t row, std::uint8_t* pixels) {
  Random random = random_of_row(row);
  const std::uint64_t bits = random.next();
  const int light = 64 + static_cast<int>(bits % 96);
  const int slope_x = static_cast<int>((bits >> 16) % 9) - 4;
  const int slope_y = static_cast<int>((bits >> 24) % 9) - 4;
  const std::array<int, kColours> tint{static_cast<int>((bits >> 32) % 12),
                                       static_cast<int>((bits >> 40) % 12),
                                       static_cast<int>((bits >> 48) % 12)};
  for (int y = 0; y < static_cast<int>(kSide); ++y) {
    for (int x = 0; x < static_cast<int>(kSide); ++x) {
      std::uint64_t noise = random.next();
      for (std::size_t c = 0; c < kColours; ++c, noise >>= 8) {
        const int grain = static_cast<int>(noise & 3) + static_cast<int>((noise >> 2) & 3) - 3;
        const int value = light + tint[c] + slope_x * x / 16 + slope_y * y / 16 + grain;
        *pixels++ = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
      }
    }
  }
}

void write_images(H5::H5File& file, std::uint64_t rows, const SampleProgress& progress) {
  constexpr hsize_t kPixels = kSide * kSide * kColours;
  RowWriter images(file, "/images", H5::PredType::STD_U8LE, {rows, kSide, kSide, kColours},
                   chunked_gzip({32, kSide, kSide, kColours}, rows));
  RowWriter labels(file, "/labels", H5::PredType::NATIVE_INT64, {rows}, {});
  std::vector<std::uint8_t> pixels;
  std::vector<std::int64_t> label;
  in_slabs(rows, 512, progress, [&](std::uint64_t first, std::uint64_t count) {
    pixels.resize(count * kPixels);
    label.resize(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      draw_image(first + i, pixels.data() + i * kPixels);
      label[i] = static_cast<std::int64_t>((first + i) % 10);
    }
    images.write(first, count, pixels.data());
    labels.write(first, count, label.data());
  });
}

void write_sensor(H5::H5File& file, std::uint64_t rows, const SampleProgress& progress) {
  RowWriter sensor(file, "/sensor", H5::PredType::NATIVE_FLOAT, {rows, kChannels},
                   chunked_gzip({128, kChannels}, rows));
  RowWriter time(file, "/time", H5::PredType::NATIVE_DOUBLE, {rows}, {});
  std::vector<float> signal;
  std::vector<double> seconds;
  in_slabs(rows, 2048, progress, [&](std::uint64_t first, std::uint64_t count) {
    signal.resize(count * kChannels);
    seconds.resize(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      // A random walk from channel to channel, in steps of a 16-bit converter.
      Random random = random_of_row(first + i);
      int level = static_cast<int>(random.next() % 20'000);
      for (hsize_t channel = 0; channel < kChannels; ++channel) {
        level += static_cast<int>(random.next() % 257) - 128;
        signal[i * kChannels + channel] = static_cast<float>(level) / 1024.0f;
      }
      seconds[i] = static_cast<double>(first + i) / 1000.0;
    }
    sensor.write(first, count, signal.data());
    time.write(first, count, seconds.data());
  });
}

#pragma pack(push, 1)
struct Event {
  std::int64_t id;
  float values[8];
  char name[16];
  std::uint8_t flag;
};
#pragma pack(pop)
static_assert(sizeof(Event) == 57);

H5::CompType event_type() {
  H5::CompType type(sizeof(Event));
  type.insertMember("id", offsetof(Event, id), H5::PredType::NATIVE_INT64);
  for (std::size_t i = 0; i < 8; ++i) {
    type.insertMember(fmt::format("v{}", i), offsetof(Event, values) + i * sizeof(float),
                      H5::PredType::NATIVE_FLOAT);
  }
  H5::StrType name(H5::PredType::C_S1, sizeof Event::name);
  name.setStrpad(H5T_STR_NULLPAD);
  type.insertMember("name", offsetof(Event, name), name);
  type.insertMember("flag", offsetof(Event, flag), H5::PredType::NATIVE_UINT8);
  return type;
}

Event make_event(std::uint64_t row) {
  Random random = random_of_row(row);
  Event event{};
  event.id = static_cast<std::int64_t>(row);
  for (float& value : event.values) {
    value = static_cast<float>(random.next() % 100'000) / 100.0f;
  }
  const std::string name = fmt::format("track-{:05}", random.next() % 5'000);
  std::memcpy(event.name, name.data(), std::min(name.size(), sizeof event.name));
  event.flag = random.next() % 4 == 0;
  return event;
}

void write_table(H5::H5File& file, std::uint64_t rows, const SampleProgress& progress) {
  constexpr std::uint64_t kChunkRows = 2'299;
  RowWriter events(file, "/events", event_type(), {rows}, chunked_gzip({kChunkRows}, rows));
  std::vector<Event> slab;
  in_slabs(rows, 16 * kChunkRows, progress, [&](std::uint64_t first, std::uint64_t count) {
    slab.clear();
    for (std::uint64_t i = 0; i < count; ++i) slab.push_back(make_event(first + i));
    events.write(first, count, slab.data());
  });
}

}  // namespace

std::string to_string(SampleKind kind) {
  switch (kind) {
    case SampleKind::kImages:
      return "images";
    case SampleKind::kTable:
      return "table";
    case SampleKind::kSensor:
      return "sensor";
  }
  return "images";
}

SampleKind sample_kind_from(const std::string& name) {
  for (const SampleKind kind : {SampleKind::kImages, SampleKind::kTable, SampleKind::kSensor}) {
    if (to_string(kind) == name) return kind;
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("no kind of sample is called '{}'; there are images, table and sensor", name));
}

std::uint64_t default_rows(SampleKind kind) {
  switch (kind) {
    case SampleKind::kImages:
      return 24'000;
    case SampleKind::kTable:
      return 5'000'000;
    case SampleKind::kSensor:
      return 150'000;
  }
  return 0;
}

void write_sample(const std::string& file, SampleKind kind, std::uint64_t rows,
                  const SampleProgress& progress, bool overwrite) {
  const std::string operation = fmt::format("write the {} sample", to_string(kind));
  if (!overwrite && std::filesystem::exists(std::filesystem::symlink_status(file))) {
    throw Error(ErrorCode::kInvalidArgument, operation + " " + file + ": the file exists");
  }
  LibraryAccess access;
  bool created = false;
  try {
    call(access, operation, file, [&] {
      H5::H5File out(file, overwrite ? H5F_ACC_TRUNC : H5F_ACC_EXCL);
      created = true;
      switch (kind) {
        case SampleKind::kImages:
          write_images(out, rows, progress);
          break;
        case SampleKind::kTable:
          write_table(out, rows, progress);
          break;
        case SampleKind::kSensor:
          write_sensor(out, rows, progress);
          break;
      }
      checked(H5Fflush(out.getId(), H5F_SCOPE_LOCAL), "H5Fflush");
    });
  } catch (...) {
    std::error_code ignored;
    if (created) std::filesystem::remove(file, ignored);
    throw;
  }
}

}  // namespace h5flume::hdf5
