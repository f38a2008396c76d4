#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/saturating.h"
#include "readers/jobs/output_writer_internal.h"

namespace h5flume::jobs {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

std::uint64_t byte_count(const JobRows& rows) {
  std::uint64_t bytes = rows.type.size;
  for (const auto extent : rows.shape) bytes = saturating_product(bytes, extent);
  return bytes;
}

void require_whole_piece(const JobPiece& piece, const JobRows& rows) {
  if (rows.shape.empty()) {
    throw UnfitRows(
        fmt::format("the result is a single value, not the piece's {} rows", piece.row_count));
  }
  if (rows.shape[0] != piece.row_count) {
    throw UnfitRows(
        fmt::format("the result has {} rows, and the piece {}", rows.shape[0], piece.row_count));
  }
  if (byte_count(rows) != rows.bytes.size()) {
    throw UnfitRows(fmt::format("the result has {} bytes, and its shape and type make {}",
                                rows.bytes.size(), byte_count(rows)));
  }
}

bool same_row_shape(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  return a.size() == b.size() && std::equal(a.begin() + 1, a.end(), b.begin() + 1);
}

std::string row_shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("({})", fmt::join(shape.begin() + 1, shape.end(), ", "));
}

void require_same_rows(const hdf5::DatasetInfo& output, const JobRows& rows) {
  if (output.type != rows.type) {
    throw UnfitRows(
        fmt::format("the result is of type {}, and that of the first piece, whose the "
                    "output is, of {}",
                    to_string(rows.type), to_string(output.type)));
  }
  if (!same_row_shape(output.shape, rows.shape)) {
    throw UnfitRows(
        fmt::format("rows of the result have shape {}, and those of the first piece, "
                    "whose the output is, {}",
                    row_shape_text(rows.shape), row_shape_text(output.shape)));
  }
}

}  // namespace

void OutputWriter::check(bool rows_are_done) {
  const std::lock_guard lock(mutex_);
  if (exists(output_.file)) {
    open();
  } else if (rows_are_done) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("continue the job's output {}: it is not there, although pieces are "
                            "done; begin again with another tracker",
                            output_.file));
  }
}

void OutputWriter::open() {
  const auto refuse = [this](const std::string& why) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("write '{}' of {}: {}", output_.dataset, output_.file, why));
  };
  try {
    dataset_.emplace(output_.file, output_.dataset);
  } catch (const Error& error) {
    refuse(fmt::format("the file is there, and is not this job's ({})", error.what()));
  }
  if (dataset_->owner() != job_id_) {
    dataset_.reset();
    refuse("it is there, and is not this job's; name another file, or remove it");
  }
}

hdf5::OutputDataset& OutputWriter::dataset_for(const JobRows& rows) {
  const std::lock_guard lock(mutex_);
  if (dataset_) return *dataset_;
  auto shape = rows.shape;
  shape[0] = total_rows_;
  // Where another process has been quicker, its is as good, and open() looks whose it is.
  hdf5::OutputDataset::create(output_.file, {output_.dataset, shape, rows.type, job_id_});
  open();
  return *dataset_;
}

void OutputWriter::write(const JobPiece& piece, const JobRows& rows) {
  require_whole_piece(piece, rows);
  auto& dataset = dataset_for(rows);
  require_same_rows(dataset.info(), rows);
  dataset.write_rows(piece.first_row, rows.bytes);
  if (durability_ == Durability::kPower) dataset.sync();
}

}  // namespace h5flume::jobs
