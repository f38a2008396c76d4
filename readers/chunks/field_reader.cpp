#include "readers/chunks/field_reader.h"

#include <utility>

namespace h5flume::chunks {

FieldReader::FieldReader(std::unique_ptr<RowReader> whole, const std::vector<std::string>& fields)
    : whole_(std::move(whole)),
      pick_(pick_columns(whole_->info().type, fields)),
      info_(whole_->info()) {
  info_.type = pick_.type;
}

void FieldReader::read_rows(std::uint64_t first_row, std::uint64_t row_count,
                            std::span<std::byte> out) {
  hdf5::check_rows(info_, first_row, row_count, out.size());
  const std::size_t bytes = row_count * whole_->info().row_bytes();
  if (rows_.size() < bytes) rows_.resize(bytes);
  const auto rows = std::span(rows_).first(bytes);
  whole_->read_rows(first_row, row_count, rows);
  const std::byte* from = rows.data();
  for (auto to = out.begin(); to != out.end(); to += static_cast<std::ptrdiff_t>(pick_.type.size)) {
    pick_.copy(from, &*to);
    from += pick_.element_bytes;
  }
}

}  // namespace h5flume::chunks
