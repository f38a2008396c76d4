#include "bench/readers/library_requests.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace h5flume::bench {
namespace {

constexpr std::size_t kSlots = 12'421;  // of the cache's table; a prime, as the library wants it

H5::DataType column_of(const H5::DataSet& dataset) {
  if (dataset.getTypeClass() != H5T_COMPOUND) return {};
  H5::CompType column(sizeof(float));
  column.insertMember(kColumnField, 0, H5::PredType::NATIVE_FLOAT);
  return column;
}

H5::DataSet open(const H5::H5File& file, const std::string& path, std::size_t cache_bytes) {
  H5::DSetAccPropList access;
  if (cache_bytes != std::size_t{1} << 20) access.setChunkCache(kSlots, cache_bytes, 0.75);
  return file.openDataSet(path, access);
}

}  // namespace

LibraryRequests::LibraryRequests(const std::string& file, const std::string& dataset,
                                 std::size_t cache_bytes)
    : file_(file, H5F_ACC_RDONLY),
      dataset_(open(file_, dataset, cache_bytes)),
      space_(dataset_.getSpace()),
      type_(dataset_.getDataType()),  // all files here are of native types
      column_(column_of(dataset_)),
      shape_(static_cast<std::size_t>(space_.getSimpleExtentNdims())) {
  space_.getSimpleExtentDims(shape_.data());
  start_.assign(shape_.size(), 0);
  count_ = shape_;
}

std::size_t LibraryRequests::row_bytes(const H5::DataType& type) const {
  return std::accumulate(shape_.begin() + 1, shape_.end(), type.getSize(), std::multiplies<>());
}

std::span<const std::byte> LibraryRequests::read(const Requests& requests, std::size_t request,
                                                 Batch batch) {
  const auto rows = requests.rows(request);
  const H5::DataType& type = requests.kind() == RequestKind::kColumn ? column_ : type_;
  const std::uint64_t count = rows_of(requests.kind());
  buffer_.resize(count * row_bytes(type));
  if (requests.kind() != RequestKind::kBatch) {
    select_rows(static_cast<std::uint64_t>(rows.front()), count);
    read_selected(count, type, buffer_.data());
    return buffer_;
  }
  order_.resize(rows.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::ranges::sort(order_, {}, [&](std::size_t at) { return rows[at]; });
  batch == Batch::kRowByRow ? read_row_by_row(rows) : read_union(rows);
  return buffer_;
}

void LibraryRequests::select_rows(std::uint64_t first, std::uint64_t count, H5S_seloper_t how) {
  start_[0] = first;
  count_[0] = count;
  space_.selectHyperslab(how, count_.data(), start_.data());
}

void LibraryRequests::read_selected(std::uint64_t rows, const H5::DataType& type, std::byte* to) {
  count_[0] = rows;
  memory_.setExtentSimple(static_cast<int>(count_.size()), count_.data());
  dataset_.read(to, type, memory_, space_);
}

void LibraryRequests::read_row_by_row(std::span<const std::int64_t> rows) {
  for (const std::size_t at : order_) {
    select_rows(static_cast<std::uint64_t>(rows[at]), 1);
    read_selected(1, type_, buffer_.data() + at * row_bytes(type_));
  }
}

void LibraryRequests::read_union(std::span<const std::int64_t> rows) {
  auto how = H5S_SELECT_SET;
  for (const std::size_t at : order_) {
    select_rows(static_cast<std::uint64_t>(rows[at]), 1, how);
    how = H5S_SELECT_OR;
  }
  const std::size_t bytes = row_bytes(type_);
  sorted_.resize(rows.size() * bytes);
  read_selected(rows.size(), type_, sorted_.data());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    std::memcpy(buffer_.data() + order_[i] * bytes, sorted_.data() + i * bytes, bytes);
  }
}

}  // namespace h5flume::bench
