#include "readers/worker/mapped_rows.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/file_mapping.h"
#include "readers/chunks/index_folder.h"
#include "readers/worker/isolated_dataset.h"

namespace h5flume {
namespace {

using hdf5::DatasetInfo;
using hdf5::StorageMap;

// Why the rows of a dataset cannot be looked at where they lie; empty: they can.
std::string reason_for_copy(const DatasetInfo& info, const StorageMap& map) {
  if (map.swap_bytes > 1) return "its elements have the other byte order";
  if (!map.text.empty()) return "its strings have to be padded";
  if (info.layout != hdf5::Layout::kChunked) return "";
  if (!info.filters.empty())
    return fmt::format("its chunks are filtered ({})", info.filters[0].name);
  if (!std::equal(info.shape.begin() + 1, info.shape.end(), info.chunk.begin() + 1)) {
    return "its chunks hold parts of rows";
  }
  return "";
}

}  // namespace

// --- RowsInPlace --------------------------------------------------------------------------------

RowsInPlace& RowsInPlace::operator=(RowsInPlace&& other) noexcept {
  if (this == &other) return *this;
  release();
  mapping_ = std::move(other.mapping_);
  dataset_ = std::move(other.dataset_);
  lease_ = std::move(other.lease_);
  bytes_ = std::exchange(other.bytes_, {});
  first_row_ = other.first_row_;
  row_count_ = other.row_count_;
  return *this;
}

std::span<const std::byte> RowsInPlace::bytes() const {
  if (!lease_) throw Error(ErrorCode::kExpiredView, "look at rows: they have been released");
  return bytes_;
}

void RowsInPlace::require_alignment(std::size_t alignment) const {
  if (reinterpret_cast<std::uintptr_t>(bytes_.data()) % alignment == 0) return;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("view '{}' rows {}-{} of {} in place: they do not lie at a multiple of {} "
                  "bytes; read them, or take their bytes()",
                  dataset_->path, first_row_, first_row_ + row_count_ - 1, dataset_->file,
                  alignment));
}

void RowsInPlace::release() noexcept {
  if (lease_) lease_->end();
  lease_.reset();
  bytes_ = {};
  mapping_.reset();
}

// --- MappedRows ---------------------------------------------------------------------------------

struct MappedRows::Impl {
  std::shared_ptr<const DatasetInfo> info;
  FileIdentity identity;
  StorageMap map;
  FileDescriptor file;
  std::shared_ptr<const FileMapping> mapping;

  bool is_chunked() const noexcept { return info->layout == hdf5::Layout::kChunked; }

  // Where row `first_row` lies in the file, or hdf5::kMissing.
  std::uint64_t address_of(std::uint64_t first_row) const {
    const std::uint64_t row_bytes = info->row_bytes();
    if (!is_chunked()) {
      return map.address == hdf5::kMissing ? hdf5::kMissing : map.address + first_row * row_bytes;
    }
    // Chunks hold whole rows: there is one for each group of them.
    const hdf5::StoredChunk& chunk = map.chunks[first_row / info->chunk[0]];
    if (chunk.address == hdf5::kMissing) return hdf5::kMissing;
    const std::uint64_t whole = info->chunk[0] * row_bytes;
    if (chunk.size_bytes != whole) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("{}: {} bytes are stored of {}",
                              hdf5::name_of_chunk(first_row / info->chunk[0], map.grid),
                              chunk.size_bytes, whole));
    }
    return chunk.address + first_row % info->chunk[0] * row_bytes;
  }

  std::uint64_t contiguous_rows(std::uint64_t first_row) const {
    const std::uint64_t rows = info->row_count();
    if (first_row > rows) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("the dataset has {} rows", rows));
    }
    const std::uint64_t rest = rows - first_row;
    return is_chunked() ? std::min(rest, info->chunk[0] - first_row % info->chunk[0]) : rest;
  }

  std::span<const std::byte> bytes(std::uint64_t first_row, std::uint64_t row_count) const {
    if (const auto together = contiguous_rows(first_row); row_count > together) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("only {} rows lie together there", together));
    }
    throw_if_changed(info->file, identity, identity_of(file.get()));
    if (row_count == 0) return {};
    const std::uint64_t address = address_of(first_row);
    if (address == hdf5::kMissing) {
      throw Error(ErrorCode::kUnsupported, "they were never written");
    }
    return mapping->bytes().subspan(address, row_count * info->row_bytes());
  }
};

MappedRows::MappedRows(const std::string& file, const std::string& dataset,
                       const FileOptions& options, std::chrono::milliseconds timeout)
    : impl_(std::make_unique<Impl>()) {
  const hdf5::OpenOptions opening{.fields = {},
                                  .allow_outside_sources = options.allow_outside_sources,
                                  .index_folder = chunks::index_folder_path(options.index_folder)};
  auto isolated = index_isolated(file, dataset, opening, options, timeout);
  const std::string operation = fmt::format("map '{}' of {}", dataset, file);
  const std::string reason = isolated.index ? reason_for_copy(isolated.info, isolated.index->map)
                                            : isolated.info.hdf5_reason;
  if (!reason.empty()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}", operation, reason));
  }
  impl_->info = std::make_shared<const DatasetInfo>(std::move(isolated.info));
  impl_->identity = isolated.identity;
  impl_->map = std::move(isolated.index->map);
  impl_->file = FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!impl_->file) throw_system_error(operation, errno);
  // Every range of the index lies inside a file of this size, and so inside the mapping.
  impl_->mapping = std::make_shared<const FileMapping>(impl_->file.get(), file);
  throw_if_changed(operation + ": " + file, impl_->identity, identity_of(impl_->file.get()));
  if (impl_->mapping->bytes().size() < impl_->identity.size_bytes) {
    throw Error(ErrorCode::kSourceChanged, operation + ": the file was changed meanwhile");
  }
}

MappedRows::MappedRows(MappedRows&&) noexcept = default;
MappedRows& MappedRows::operator=(MappedRows&&) noexcept = default;
MappedRows::~MappedRows() = default;

const hdf5::DatasetInfo& MappedRows::info() const noexcept { return *impl_->info; }

std::uint64_t MappedRows::contiguous_rows(std::uint64_t first_row) const {
  return impl_->contiguous_rows(first_row);
}

RowsInPlace MappedRows::rows(std::uint64_t first_row, std::uint64_t row_count) const {
  RowsInPlace rows;
  try {
    rows.bytes_ = impl_->bytes(first_row, row_count);
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("map '{}' rows {}-{} of {}: {}", impl_->info->path, first_row,
                            first_row + std::max<std::uint64_t>(row_count, 1) - 1,
                            impl_->info->file, error.what()));
  }
  rows.mapping_ = impl_->mapping;
  rows.dataset_ = impl_->info;
  rows.lease_ = std::make_shared<Lease>();
  rows.first_row_ = first_row;
  rows.row_count_ = row_count;
  return rows;
}

}  // namespace h5flume
