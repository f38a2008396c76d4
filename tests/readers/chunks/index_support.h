#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "readers/chunks/index_file.h"
#include "readers/chunks/row_reader.h"
#include "storage/mapped/container_writer.h"
#include "tests/readers/hdf5/storage_support.h"

// The vocabulary of the tests of indices: make one of a file, take it apart, read by it.
namespace h5flume::test {

// What libhdf5 finds out about a dataset that can be read directly.
inline chunks::IndexedDataset indexed(const std::string& file, const std::string& path = "x") {
  const hdf5::Dataset dataset(file, path, {.allow_missing_filters = true});
  return {.info = dataset.info(), .identity = dataset.identity(), .map = dataset.storage_map()};
}

// The bytes of an index, in memory of exactly their size, at a multiple of 8.
class IndexImage {
 public:
  explicit IndexImage(const chunks::IndexedDataset& indexed) {
    std::vector<std::byte> bytes;
    chunks::write_index(indexed, mapped::to_memory(bytes));
    resize(bytes.size());
    std::memcpy(data(), bytes.data(), bytes.size());
  }
  IndexImage(const IndexImage& other, std::size_t size) {
    resize(size);
    std::memcpy(data(), other.data(), std::min(size, other.size()));
  }

  std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  chunks::IndexedDataset decode() const { return chunks::decode_index({data(), size()}, bytes_); }

 private:
  void resize(std::size_t size) {
    bytes_ = std::shared_ptr<std::byte[]>(new std::byte[size]());
    size_ = size;
  }

  std::shared_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

inline std::vector<std::byte> all_rows(RowReader& reader) {
  std::vector<std::byte> bytes(reader.info().decoded_bytes());
  reader.read_rows(0, reader.info().row_count(), bytes);
  return bytes;
}

// All bytes of a dataset, read by its index alone.
inline std::vector<std::byte> read_by_index(const chunks::IndexedDataset& indexed) {
  return all_rows(*open_by_index(indexed));
}

}  // namespace h5flume::test
