#pragma once

#include <H5Cpp.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.h"
#include "readers/hdf5/dataset.h"
#include "tests/support/catch.h"
#include "tests/support/error_of.h"

/// The vocabulary of the tests of readers/hdf5: write a small file with the HDF5 C++ API, read
/// it with this library, look at values and errors.
namespace h5flume::hdf5 {

using test::error_of;

/// A folder of its own for one test; gone with it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "h5flume-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp fails");
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// 0, 1, 2, ... as T.
template <class T = std::int32_t>
std::vector<T> counting(std::size_t count, T first = 0) {
  std::vector<T> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

inline H5::DataSpace space_of(const std::vector<hsize_t>& shape) {
  return H5::DataSpace(static_cast<int>(shape.size()), shape.data());
}

/// Writes `values` as a dataset of `file_type`; their own type is `memory_type`.
template <class T>
void write_dataset(H5::H5File& file, const std::string& path, const std::vector<hsize_t>& shape,
                   const std::vector<T>& values, const H5::DataType& file_type,
                   const H5::DataType& memory_type,
                   const H5::DSetCreatPropList& creation = H5::DSetCreatPropList()) {
  H5::DataSet dataset = file.createDataSet(path, file_type, space_of(shape), creation);
  if (!values.empty()) dataset.write(values.data(), memory_type);
}

inline void write_ints(H5::H5File& file, const std::string& path, const std::vector<hsize_t>& shape,
                       const std::vector<std::int32_t>& values,
                       const H5::DSetCreatPropList& creation = H5::DSetCreatPropList()) {
  write_dataset(file, path, shape, values, H5::PredType::STD_I32LE, H5::PredType::NATIVE_INT32,
                creation);
}

/// A new file with /x: `rows` x `columns` counting int32.
inline void write_counting_file(const std::string& path, hsize_t rows, hsize_t columns,
                                const H5::DSetCreatPropList& creation = H5::DSetCreatPropList()) {
  H5::H5File file(path, H5F_ACC_TRUNC);
  write_ints(file, "x", {rows, columns}, counting(rows * columns), creation);
}

inline H5::DSetCreatPropList chunked(const std::vector<hsize_t>& chunk) {
  H5::DSetCreatPropList creation;
  creation.setChunk(static_cast<int>(chunk.size()), chunk.data());
  return creation;
}

template <class T = std::int32_t>
std::vector<T> read(Dataset& dataset, std::uint64_t first_row, std::uint64_t row_count) {
  std::vector<T> values(row_count * dataset.info().row_bytes() / sizeof(T));
  dataset.read_rows(first_row, row_count, std::as_writable_bytes(std::span(values)));
  return values;
}

/// All values of a dataset, read in one call.
template <class T = std::int32_t>
std::vector<T> read_all(const std::string& file, const std::string& path,
                        const OpenOptions& options = {}) {
  Dataset dataset(file, path, options);
  return read<T>(dataset, 0, dataset.info().row_count());
}

/// All bytes of a dataset as text.
inline std::string read_text(const std::string& file, const std::string& path,
                             const OpenOptions& options = {}) {
  const std::vector<char> bytes = read_all<char>(file, path, options);
  return {bytes.begin(), bytes.end()};
}

inline Error open_error(const std::string& file, const std::string& path,
                        const OpenOptions& options = {}) {
  return error_of([&] { Dataset dataset(file, path, options); });
}

inline bool says(const Error& error, const std::string& words) {
  const bool found = std::string(error.what()).find(words) != std::string::npos;
  if (!found) UNSCOPED_INFO("said: " << error.what());
  return found;
}

}  // namespace h5flume::hdf5
