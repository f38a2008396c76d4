#include <fmt/format.h>

#include "core/error.h"
#include "readers/chunks/filter_pipeline.h"
#include "readers/chunks/index_check_internal.h"
#include "readers/hdf5/chunk_grid_internal.h"

namespace h5flume::chunks {
namespace {

using hdf5::DatasetInfo;
using hdf5::StorageMap;
using hdf5::StoredChunk;

constexpr std::size_t kMostAxes = 32;  // of HDF5
constexpr std::size_t kLargestElement = std::size_t{64} << 20;

// Bytes of the strings that a run goes over. It has to lie inside of its element.
std::size_t check_run(const hdf5::TextRun& run, std::size_t element_bytes) {
  std::size_t end = 0;
  bool wrong = __builtin_add_overflow(run.offset, run.size, &end) || run.size == 0;
  std::size_t bytes = run.size;
  for (const auto& loop : run.loops) {
    std::size_t reach = 0;
    wrong = wrong || loop.count == 0 || __builtin_mul_overflow(loop.count - 1, loop.stride, &reach);
    wrong = wrong || __builtin_add_overflow(end, reach, &end);
    wrong = wrong || __builtin_mul_overflow(bytes, loop.count, &bytes);
  }
  require(!wrong && end <= element_bytes && bytes <= element_bytes,
          "its strings lie outside their element");
  return bytes;
}

void check_elements(const DatasetInfo& info, const StorageMap& map) {
  require(map.element_bytes == info.type.size, "its elements have two sizes");
  require(map.element_bytes > 0 && map.element_bytes <= kLargestElement,
          "its elements are larger than 64 MiB");
  require(map.fill.size() == map.element_bytes, "its fill value is no element");
  require(map.swap_bytes == 0 || map.element_bytes % map.swap_bytes == 0,
          "its units of byte order do not divide its elements");
  std::size_t text_bytes = 0;
  for (const auto& run : map.text) {
    text_bytes += check_run(run, map.element_bytes);
    require(text_bytes <= map.element_bytes, "its strings overlap");
  }
}

void check_contiguous(const IndexedDataset& indexed) {
  const auto& [info, identity, map, outside] = indexed;
  require(info.chunk.empty() && info.filters.empty(),
          "it is contiguous, and has chunks or filters");
  require(map.address == hdf5::kMissing ||
              hdf5::lies_inside(map.address, info.decoded_bytes(), identity.size_bytes),
          "its values lie outside of the file");
}

void check_and_complete_chunked(IndexedDataset& indexed) {
  const DatasetInfo& info = indexed.info;
  require(info.chunk.size() == info.shape.size(), "its chunks have another rank");
  require(indexed.map.address == hdf5::kMissing, "it is chunked, and has one address");
  std::uint64_t bytes = info.type.size;
  for (const std::uint64_t extent : info.chunk) {
    require(extent > 0, "its chunks hold nothing");
    require(!__builtin_mul_overflow(bytes, extent, &bytes), "its chunks overflow");
  }
  if (const auto why = FilterPipeline::unsupported(info.filters)) {
    throw Error(ErrorCode::kCorruptData, *why);
  }
  auto grid = hdf5::chunk_grid(info, indexed.identity.size_bytes);
  require(grid.has_value(), "it has too many chunks for its file");
  indexed.map.grid = *std::move(grid);
}

}  // namespace

void check_and_complete(IndexedDataset& indexed) {
  const DatasetInfo& info = indexed.info;
  require(info.shape.size() <= kMostAxes, "it has more than 32 axes");
  require(info.hdf5_reason.empty() && indexed.map.reason_for_hdf5.empty(), "it is left to libhdf5");
  check_elements(info, indexed.map);
  switch (info.layout) {
    case hdf5::Layout::kContiguous:
      return check_contiguous(indexed);
    case hdf5::Layout::kChunked:
      return check_and_complete_chunked(indexed);
    default:
      require(false, "its layout has no index");
  }
}

void check_chunks(const IndexedDataset& indexed, std::span<const StoredChunk> chunks) {
  // One pass without a branch for each chunk; the second, which names one, is for bad ones only. A
  // size of 0 wraps around, and a size beyond the file makes the second term meaningless.
  const std::uint64_t file_bytes = indexed.identity.size_bytes;
  const auto is_right = [file_bytes](const StoredChunk& chunk) {
    const unsigned inside = unsigned{chunk.size_bytes - 1 < file_bytes} &
                            unsigned{chunk.address <= file_bytes - chunk.size_bytes};
    const unsigned missing =
        unsigned{chunk.address == hdf5::kMissing} & unsigned{chunk.size_bytes == 0};
    return (inside | missing) & unsigned{chunk.reserved == 0};
  };
  unsigned all_right = 1;
  for (const StoredChunk& chunk : chunks) all_right &= is_right(chunk);
  if (all_right != 0) return;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (is_right(chunks[i]) != 0) continue;
    throw Error(
        ErrorCode::kCorruptData,
        fmt::format("{}: {} bytes at {} of a file of {}", hdf5::name_of_chunk(i, indexed.map.grid),
                    chunks[i].size_bytes, chunks[i].address, file_bytes));
  }
}

}  // namespace h5flume::chunks
