#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/element_pick.h"
#include "readers/chunks/row_reader.h"

namespace h5flume::chunks {

/// Reads some of the fields of rows that another reader reads: all of a row is read and decoded,
/// for its fields lie together in the file.
///
/// Memory: that of the whole rows that are asked for at once, besides.
class FieldReader final : public RowReader {
 public:
  /// `whole` reads compounds directly. Throws as pick_columns() does.
  FieldReader(std::unique_ptr<RowReader> whole, const std::vector<std::string>& fields);

  const hdf5::DatasetInfo& info() const noexcept override { return info_; }
  const FileIdentity& identity() const noexcept override { return whole_->identity(); }
  std::optional<IndexedDataset> index() const override { return whole_->index(); }
  std::unique_ptr<RowReader> clone() const override {
    return std::unique_ptr<RowReader>(new FieldReader(whole_->clone(), pick_, info_));
  }
  void read_rows(std::uint64_t first_row, std::uint64_t row_count,
                 std::span<std::byte> out) override;

 private:
  FieldReader(std::unique_ptr<RowReader> whole, ElementPick pick, hdf5::DatasetInfo info)
      : whole_(std::move(whole)), pick_(std::move(pick)), info_(std::move(info)) {}

  std::unique_ptr<RowReader> whole_;
  ElementPick pick_;
  hdf5::DatasetInfo info_;
  std::vector<std::byte> rows_;  // whole ones
};

}  // namespace h5flume::chunks
