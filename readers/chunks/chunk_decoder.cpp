#include "readers/chunks/chunk_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "core/test_point.h"
#include "readers/chunks/byte_swap.h"

namespace h5flume::chunks {
namespace {

std::size_t decoded_bytes_of_chunk(const hdf5::DatasetInfo& info) {
  std::size_t bytes = info.chunk.empty() ? 0 : info.type.size;
  for (const std::uint64_t extent : info.chunk) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("open '{}' of {}: its chunks overflow", info.path, info.file));
    }
  }
  return bytes;
}

}  // namespace

ChunkDecoder::ChunkDecoder(std::shared_ptr<const DirectSource> source)
    : source_(std::move(source)),
      filters_(source_->info.filters, decoded_bytes_of_chunk(source_->info)),
      chunk_bytes_(decoded_bytes_of_chunk(source_->info)) {}

void ChunkDecoder::decode(std::uint64_t chunk, std::span<const std::byte> stored,
                          std::span<std::byte> out) {
  test_point("chunk.decoding", chunk);
  try {
    filters_.decode(stored, mask_of(chunk), out);
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{}: {}", hdf5::name_of_chunk(chunk, source_->map.grid), error.what()));
  }
  finish(out);
}

void ChunkDecoder::finish(std::span<std::byte> elements) const noexcept {
  const hdf5::StorageMap& map = source_->map;
  swap_bytes(elements, map.swap_bytes);
  hdf5::pad_text(map.text, map.element_bytes, elements);
}

// The filters that were left out for a chunk; kAllFilters if that is all of them.
std::uint32_t ChunkDecoder::mask_of(std::uint64_t chunk) const noexcept {
  const std::uint32_t all =
      source_->info.filters.size() >= 32 ? kAllFilters : (1U << source_->info.filters.size()) - 1;
  const std::uint32_t mask = source_->map.chunks[chunk].filter_mask;
  if ((mask & all) == all || (source_->map.edge_chunks_unfiltered && is_edge(chunk)))
    return kAllFilters;
  return mask;
}

// Whether a chunk reaches beyond the dataset.
bool ChunkDecoder::is_edge(std::uint64_t chunk) const noexcept {
  for (std::size_t axis = source_->info.shape.size(); axis-- > 0;
       chunk /= source_->map.grid[axis]) {
    const std::uint64_t begin = chunk % source_->map.grid[axis] * source_->info.chunk[axis];
    if (source_->info.chunk[axis] > source_->info.shape[axis] - begin) return true;
  }
  return false;
}

}  // namespace h5flume::chunks
