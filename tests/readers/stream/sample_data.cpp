#include "tests/support/sample_data.h"

#include <H5Cpp.h>

#include <filesystem>

namespace h5flume::test {
namespace {

H5::DataSet create(H5::H5File& file, const std::string& dataset, const TableShape& shape) {
  H5::DSetCreatPropList properties;
  if (shape.chunk_rows > 0) {
    const hsize_t chunk[] = {shape.chunk_rows, shape.columns};
    properties.setChunk(2, chunk);
  }
  if (shape.gzip) properties.setDeflate(4);
  const hsize_t dims[] = {shape.rows, shape.columns};
  auto created =
      file.createDataSet(dataset, H5::PredType::STD_U32LE, H5::DataSpace(2, dims), properties);
  std::vector<std::uint32_t> values;
  for (std::uint64_t row = 0; row < shape.rows; ++row) {
    for (std::uint64_t column = 0; column < shape.columns; ++column) {
      values.push_back(value_at(row, column));
    }
  }
  if (!values.empty()) created.write(values.data(), H5::PredType::NATIVE_UINT32);
  return created;
}

H5::H5File open_or_create(const std::string& file) {
  return {file, std::filesystem::exists(file) ? H5F_ACC_RDWR : H5F_ACC_TRUNC};
}

}  // namespace

void write_table(const std::string& file, const std::string& dataset, const TableShape& shape) {
  H5::H5File opened = open_or_create(file);
  create(opened, dataset, shape);
}

void write_corrupt_table(const std::string& file, const std::string& dataset, TableShape shape,
                         std::uint64_t chunk) {
  shape.gzip = true;
  H5::H5File opened = open_or_create(file);
  const H5::DataSet created = create(opened, dataset, shape);
  const hsize_t offset[] = {chunk * shape.chunk_rows, 0};
  const std::string garbage(50, 'x');
  H5Dwrite_chunk(created.getId(), H5P_DEFAULT, 0, offset, garbage.size(), garbage.data());
}

bool holds_rows(const Block& block) {
  const auto values = block.view<std::uint32_t>();
  const std::uint64_t rows = block.dataset().row_count();
  for (std::uint64_t row = 0; row < values.shape()[0]; ++row) {
    for (std::uint64_t column = 0; column < values.shape()[1]; ++column) {
      if (values(row, column) != value_at((block.first_row() + row) % rows, column)) return false;
    }
  }
  return values.shape()[0] == block.row_count();
}

}  // namespace h5flume::test
