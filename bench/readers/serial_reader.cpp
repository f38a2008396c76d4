#include "bench/readers/serial_reader.h"

#include <H5Cpp.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace h5flume::bench {

void read_serially(const std::string& file, const std::string& path, std::uint64_t block_rows,
                   Pass& pass) {
  const H5::H5File opened(file, H5F_ACC_RDONLY);
  const H5::DataSet dataset = opened.openDataSet(path);
  const H5::DataSpace space = dataset.getSpace();
  const H5::DataType type = dataset.getDataType();  // all files here are of native types

  std::vector<hsize_t> count(static_cast<std::size_t>(space.getSimpleExtentNdims()));
  space.getSimpleExtentDims(count.data());
  const std::uint64_t rows = count[0];
  std::uint64_t row_bytes = type.getSize();
  for (std::size_t axis = 1; axis < count.size(); ++axis) row_bytes *= count[axis];
  const auto memory_for = [&](std::uint64_t row_count) {
    count[0] = row_count;
    return H5::DataSpace(static_cast<int>(count.size()), count.data());
  };
  const std::uint64_t whole_rows = std::min(block_rows, rows);
  const H5::DataSpace whole = memory_for(whole_rows);
  const H5::DataSpace last = memory_for(rows % whole_rows == 0 ? whole_rows : rows % whole_rows);
  const auto buffer = std::make_unique<char[]>(whole_rows * row_bytes);

  std::vector<hsize_t> first(count.size(), 0);
  while (!pass.done()) {
    count[0] = std::min<hsize_t>(whole_rows, rows - first[0]);
    space.selectHyperslab(H5S_SELECT_SET, count.data(), first.data());
    dataset.read(buffer.get(), type, count[0] == whole_rows ? whole : last, space);
    [[maybe_unused]] const volatile char touched = buffer[0];
    pass.add(count[0] * row_bytes);
    first[0] = (first[0] + count[0]) % rows;
  }
}

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace h5flume::bench
