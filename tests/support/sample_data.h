#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readers/stream/block.h"

// Datasets whose values tell which row and column they belong to.
namespace h5flume::test {

struct TableShape {
  std::uint64_t rows = 100;
  std::uint64_t columns = 4;
  std::uint64_t chunk_rows = 0;  // 0: contiguous
  bool gzip = false;
};

inline std::uint32_t value_at(std::uint64_t row, std::uint64_t column) {
  return static_cast<std::uint32_t>(row * 1000 + column);
}

// Writes a dataset of value_at() as uint32 into a new file, or into one that is there.
void write_table(const std::string& file, const std::string& dataset, const TableShape& shape);

// A table in chunks of `chunk_rows`, gzip'd, of which chunk number `chunk` is garbage.
void write_corrupt_table(const std::string& file, const std::string& dataset, TableShape shape,
                         std::uint64_t chunk);

// Whether a block holds what its rows should.
bool holds_rows(const Block& block);

}  // namespace h5flume::test
