#pragma once

#include <H5Cpp.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/resolved_selection.h"
#include "core/selection_text.h"
#include "readers/random/reader.h"
#include "tests/readers/hdf5/hdf5_support.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

// The vocabulary of the tests of readers/random: datasets of counting int32, so that the value of
// an element is its place in C order, and what a selection of them has to give.
namespace h5flume::test {

/// How the elements of a test's dataset are stored. What libhdf5 is to read is kGzip: in worker
/// processes, or, as the file is trusted, in this one.
enum class Storage { kContiguous, kChunked, kGzip, kTinyChunks, kByLibrary, kByLibraryTrusted };

inline std::string name_of(Storage storage) {
  switch (storage) {
    case Storage::kContiguous:
      return "contiguous";
    case Storage::kChunked:
      return "chunked";
    case Storage::kGzip:
      return "gzip";
    default:
      return "tiny chunks";
  }
}

inline H5::DSetCreatPropList creation_of(Storage storage, std::vector<hsize_t> chunk) {
  if (storage == Storage::kContiguous) return {};
  if (storage == Storage::kTinyChunks) {
    for (hsize_t& extent : chunk) extent = std::min<hsize_t>(extent, 2);
  }
  auto creation = hdf5::chunked(chunk);
  if (storage != Storage::kChunked) {
    creation.setShuffle();
    creation.setDeflate(1);
  }
  return creation;
}

/// A file with /x: counting int32 of `shape`.
inline std::string counting_file(const TemporaryFolder& folder, const std::vector<hsize_t>& shape,
                                 const H5::DSetCreatPropList& creation) {
  const std::string path = folder.file("counting.h5");
  H5::H5File file(path, H5F_ACC_TRUNC);
  std::size_t count = 1;
  for (const hsize_t extent : shape) count *= extent;
  hdf5::write_ints(file, "/x", shape, hdf5::counting(count), creation);
  return path;
}

inline Reader reader_of(const std::string& path, Storage storage, ReaderOptions options = {}) {
  options.direct = storage != Storage::kByLibrary && storage != Storage::kByLibraryTrusted;
  return Reader(path, options, {.trusted = storage == Storage::kByLibraryTrusted});
}

inline std::string counting_file(const TemporaryFolder& folder, Storage storage) {
  return counting_file(folder, {100, 40}, creation_of(storage, {8, 40}));
}

/// What a selection of counting int32 of `shape` gives.
inline std::vector<std::int32_t> expected(const Selection& selection,
                                          const std::vector<std::uint64_t>& shape) {
  const ResolvedSelection resolved = resolve(selection, shape);
  std::vector<std::int32_t> values(resolved.element_count);
  for (std::uint64_t number = 0; number < values.size(); ++number) {
    std::uint64_t rest = number;
    std::uint64_t place = 0;
    std::uint64_t stride = 1;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      const std::uint64_t count = resolved.axes[axis].count();
      place += resolved.axes[axis].place(rest % count) * stride;
      rest /= count;
      stride *= shape[axis];
    }
    values[number] = static_cast<std::int32_t>(place);
  }
  return values;
}

template <class T = std::int32_t>
std::vector<T> values_in(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <class T = std::int32_t>
std::vector<T> values_of(const Array& array) {
  return values_in<T>(array.bytes());
}

/// Row `row` of counting_file(): 40 numbers.
inline std::vector<std::int32_t> row_of_40(std::int32_t row) {
  return hdf5::counting<std::int32_t>(40, row * 40);
}

/// The seed of a random test, printed if it fails: H5FLUME_TEST_SEED, or a new one.
inline std::uint64_t test_seed() {
  const char* const given = std::getenv("H5FLUME_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

/// Selections of any kind that fit a shape.
class RandomSelections {
 public:
  explicit RandomSelections(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  Selection next(const std::vector<std::uint64_t>& shape) {
    Selection selection;
    for (auto steps = 1 + below(2); steps > 0; --steps) {
      const auto left = resolve(selection, shape).shape;
      if (left.empty()) break;
      selection = selection[step(left)];
    }
    return selection;
  }

 private:
  Selection step(const std::vector<std::uint64_t>& shape) {
    AxisItems items;
    const std::size_t list_axis = below(2 * shape.size());
    for (std::size_t axis = 0; axis < 1 + below(shape.size()); ++axis) {
      if (axis == list_axis) {
        items.push_back(list_or_mask(shape[axis]));
      } else if (shape[axis] > 0 && below(4) == 0 && list_axis >= shape.size()) {
        items.push_back(at(place(shape[axis])));
      } else {
        items.push_back(slice(shape[axis]));
      }
    }
    return Selection(std::move(items));
  }

  std::int64_t place(std::uint64_t extent) {
    const auto chosen = static_cast<std::int64_t>(below(extent));
    return below(2) == 0 ? chosen : chosen - static_cast<std::int64_t>(extent);
  }

  AxisItem list_or_mask(std::uint64_t extent) {
    if (below(3) == 0) {
      std::vector<bool> taken(extent);
      for (std::size_t i = 0; i < extent; ++i) taken[i] = below(2) == 0;
      return mask(std::move(taken));
    }
    std::vector<std::int64_t> indices;
    if (extent > 0) {
      for (auto count = below(12); count > 0; --count) indices.push_back(place(extent));
    }
    return list(std::move(indices));
  }

  AxisItem slice(std::uint64_t extent) {
    if (below(4) == 0) return all();
    const auto bound = [&]() -> std::optional<std::int64_t> {
      if (below(3) == 0) return std::nullopt;
      return static_cast<std::int64_t>(below(2 * extent + 3)) - static_cast<std::int64_t>(extent);
    };
    const std::int64_t steps[] = {1, 1, 2, 3, 7, 50, -1, -2, -5, -40};
    return span(bound(), bound(), steps[below(std::size(steps))]);
  }

  std::mt19937_64 random_;
};

}  // namespace h5flume::test
