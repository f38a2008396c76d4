#include "tools/h5flume/npy_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace h5flume::cli {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMagicBytes = 8;  // "\x93NUMPY" and two bytes of version

std::string shape_text(const hdf5::DatasetInfo& dataset, std::uint64_t row_count) {
  std::string text = fmt::format("({},", row_count);
  for (std::size_t axis = 1; axis < dataset.shape.size(); ++axis) {
    text += fmt::format(" {},", dataset.shape[axis]);
  }
  const ElementType* type = &dataset.type;
  for (; type->kind == ElementKind::kArray; type = &type->base.at(0)) {
    for (const auto dim : type->dims) text += fmt::format(" {},", dim);
  }
  return text + ")";
}

char version_for(const std::string& description) {
  const bool ascii = std::all_of(description.begin(), description.end(), [](char letter) {
    return static_cast<unsigned char>(letter) < 0x80;
  });
  if (!ascii) return 3;
  return description.size() + kAlignment > 0xffff ? 2 : 1;
}

// The header is padded with spaces, so that the data begins at a multiple of 64 bytes.
std::string npy_header(const hdf5::DatasetInfo& dataset, std::uint64_t row_count) {
  std::string description = fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}, }}",
                                        numpy_descr(dataset.type), shape_text(dataset, row_count));
  const char version = version_for(description);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t before = kMagicBytes + length_bytes;
  const std::size_t unpadded = before + description.size() + 1;
  description.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  description += '\n';

  std::string header = "\x93NUMPY";
  header += version;
  header += '\0';
  for (std::size_t byte = 0; byte < length_bytes; ++byte) {
    header += static_cast<char>(description.size() >> (8 * byte) & 0xff);
  }
  return header + description;
}

}  // namespace

void require_npy_type(const hdf5::DatasetInfo& dataset) {
  if (!dataset.type.is_variable_length()) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("write '{}' of {} to a .npy file: its elements are of type {}, and .npy "
                          "files hold none of variable length",
                          dataset.path, dataset.file, to_string(dataset.type)));
}

NpyWriter::NpyWriter(const std::string& path, const hdf5::DatasetInfo& dataset,
                     std::uint64_t row_count)
    : file_(path), row_bytes_(dataset.row_bytes()) {
  const std::string header = npy_header(dataset, row_count);
  header_bytes_ = header.size();
  file_.write_at(0, std::as_bytes(std::span(header)));
  file_.resize(header_bytes_ + row_count * row_bytes_);
}

void NpyWriter::write_rows(std::uint64_t first_row, std::span<const std::byte> rows) {
  file_.write_at(header_bytes_ + first_row * row_bytes_, rows);
}

}  // namespace h5flume::cli
