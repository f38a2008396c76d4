#include "readers/chunks/row_reader.h"

#include <utility>

#include "core/error.h"
#include "readers/chunks/direct_reader.h"
#include "readers/chunks/field_reader.h"
#include "readers/chunks/filter_pipeline.h"
#include "readers/chunks/index_folder.h"
#include "readers/hdf5/storage_map.h"

namespace h5flume {
namespace {

class LibraryReader final : public RowReader {
 public:
  LibraryReader(hdf5::Dataset dataset, const hdf5::OpenOptions& options, std::string reason)
      : dataset_(std::move(dataset)), options_(options), info_(dataset_.info()) {
    info_.hdf5_reason = std::move(reason);
  }

  const hdf5::DatasetInfo& info() const noexcept override { return info_; }
  const FileIdentity& identity() const noexcept override { return dataset_.identity(); }
  hdf5::Dataset* library_dataset() noexcept override { return &dataset_; }
  std::unique_ptr<RowReader> clone() const override {
    return std::make_unique<LibraryReader>(hdf5::Dataset(info_.file, info_.path, options_),
                                           options_, info_.hdf5_reason);
  }
  void read_rows(std::uint64_t first_row, std::uint64_t row_count,
                 std::span<std::byte> out) override {
    dataset_.read_rows(first_row, row_count, out);
  }
  void append_rows(std::uint64_t first_row, std::uint64_t row_count, ListWriter& out) override {
    dataset_.append_rows(first_row, row_count, out);
  }

 private:
  hdf5::Dataset dataset_;
  hdf5::OpenOptions options_;
  hdf5::DatasetInfo info_;
};

// Why the dataset cannot be read directly; else `map` is set.
std::string reason_for_hdf5(const hdf5::Dataset& dataset, const hdf5::OpenOptions& options,
                            hdf5::StorageMap& map) {
  if (!options.direct) return "it was asked for";
  if (auto reason = chunks::FilterPipeline::unsupported(dataset.info().filters)) return *reason;
  try {
    map = dataset.storage_map();
    return map.reason_for_hdf5;
  } catch (const Error& error) {
    // libhdf5 may still read the blocks that are whole, and says what is wrong with the others.
    return error.what();
  }
}

// What the index of a dataset says, as libhdf5 would.
std::uint64_t stored_bytes(const hdf5::DatasetInfo& info, const hdf5::StorageMap& map) {
  if (info.layout != hdf5::Layout::kChunked) return info.stored_bytes;
  std::uint64_t bytes = 0;
  for (const hdf5::StoredChunk& chunk : map.chunks) bytes += chunk.size_bytes;
  return bytes;
}

// Nothing where libhdf5 has to read whole rows, or knows best what is wrong with the fields.
std::unique_ptr<RowReader> open_fields_directly(const std::string& file, const std::string& path,
                                                const hdf5::OpenOptions& options) {
  hdf5::OpenOptions of_rows = options;
  of_rows.fields.clear();
  try {
    auto rows = open_row_reader(file, path, of_rows);
    if (!rows->info().hdf5_reason.empty()) return nullptr;
    return std::make_unique<chunks::FieldReader>(std::move(rows), options.fields);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

void RowReader::append_rows(std::uint64_t, std::uint64_t, ListWriter&) {
  throw Error(ErrorCode::kUnsupported, "read '" + info().path + "' of " + info().file +
                                           ": elements of variable length are read by libhdf5");
}

std::unique_ptr<RowReader> open_row_reader(const std::string& file, const std::string& path,
                                           const hdf5::OpenOptions& options) {
  if (options.direct && !options.fields.empty()) {
    if (auto rows = open_fields_directly(file, path, options)) return rows;
  }
  const chunks::IndexFolder kept(options.direct && options.fields.empty() ? options.index_folder
                                                                          : std::string());
  if (auto indexed = kept.find(file, path, options.allow_outside_sources)) {
    return open_by_index(*std::move(indexed), options);
  }
  hdf5::OpenOptions with_own_filters = options;
  with_own_filters.allow_missing_filters = options.direct;
  with_own_filters.defer_stored_bytes = true;
  hdf5::Dataset dataset(file, path, with_own_filters);
  hdf5::StorageMap map;
  auto reason = reason_for_hdf5(dataset, options, map);
  if (!reason.empty()) {
    dataset.require_filters();
    dataset.measure_storage();
    return std::make_unique<LibraryReader>(std::move(dataset), options, std::move(reason));
  }
  chunks::IndexedDataset indexed{.info = dataset.info(),
                                 .identity = dataset.identity(),
                                 .map = std::move(map),
                                 .allow_outside_sources = options.allow_outside_sources};
  indexed.info.stored_bytes = stored_bytes(indexed.info, indexed.map);
  kept.keep(indexed);
  return open_by_index(std::move(indexed), options);
}

std::unique_ptr<RowReader> open_by_index(chunks::IndexedDataset indexed,
                                         const hdf5::OpenOptions& options) {
  auto source = chunks::open_direct_source(std::move(indexed), options.map_file);
  auto rows = std::make_unique<chunks::DirectReader>(std::move(source), options.chunk_cache_bytes);
  if (options.fields.empty()) return rows;
  return std::make_unique<chunks::FieldReader>(std::move(rows), options.fields);
}

}  // namespace h5flume
