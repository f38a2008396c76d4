#include "readers/chunks/direct_source.h"

#include <utility>

#include "readers/chunks/mapped_bytes.h"

namespace h5flume::chunks {
namespace {

// A mapping saves copying chunks that filters are to be undone of; other values are copied in any
// case.
std::unique_ptr<ByteSource> open_bytes(const IndexedDataset& indexed, bool map_file) {
  FileBytes file(indexed.info.file, indexed.identity);
  if (map_file && !indexed.info.filters.empty()) {
    return std::make_unique<MappedBytes>(std::move(file), indexed.info.stored_bytes);
  }
  return std::make_unique<FileBytes>(std::move(file));
}

}  // namespace

std::shared_ptr<const DirectSource> open_direct_source(IndexedDataset indexed, bool map_file) {
  auto source = std::make_shared<DirectSource>();
  source->bytes = open_bytes(indexed, map_file);
  source->info = std::move(indexed.info);
  source->map = std::move(indexed.map);
  source->allow_outside_sources = indexed.allow_outside_sources;
  return source;
}

}  // namespace h5flume::chunks
