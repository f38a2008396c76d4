#include "tools/h5flume/npy_writer.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>

#include "core/error.h"

namespace h5flume::cli {

void require_npy_type(const hdf5::DatasetInfo& dataset) {
  if (!dataset.type.is_variable_length()) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("write '{}' of {} to a .npy file: its elements are of type {}, and .npy "
                          "files hold none of variable length",
                          dataset.path, dataset.file, to_string(dataset.type)));
}

NpyWriter::NpyWriter(const std::string& path, const ElementType& type,
                     const std::vector<std::uint64_t>& shape)
    : array_(npy_array(type, shape)),
      most_rows_(array_.shape.empty() ? 0 : array_.shape[0]),
      file_(path) {
  write_header();
}

void NpyWriter::write_header() {
  const std::string header = npy_header(array_, most_rows_);
  header_bytes_ = header.size();
  file_.write_at(0, std::as_bytes(std::span(header)));
  const std::uint64_t bytes = std::accumulate(array_.shape.begin(), array_.shape.end(),
                                              array_.type.size, std::multiplies<>());
  file_.resize(header_bytes_ + bytes);
}

void NpyWriter::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  file_.write_at(header_bytes_ + offset, bytes);
}

void NpyWriter::shorten(std::uint64_t row_count) {
  array_.shape.at(0) = row_count;
  write_header();
}

}  // namespace h5flume::cli
