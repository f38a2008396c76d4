#include "tools/h5flume/advice.h"

#include <fmt/format.h>

#include <cmath>

#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

constexpr double kTinyChunkBytes = 16 * 1024;
constexpr double kHugeChunkBytes = 64.0 * 1024 * 1024;
constexpr double kWorthSharingBytes = 1024 * 1024;  // less is read before a second worker starts
constexpr double kNotableAmplification = 4;

// Sizes from a file may be anything: floating point keeps their products from overflowing.
struct ChunkGeometry {
  double bytes;          // of one chunk, decoded
  double rows;           // of one chunk
  double chunks_in_row;  // that one row is spread over
  double chunks;         // of the whole dataset

  explicit ChunkGeometry(const hdf5::DatasetInfo& dataset)
      : bytes(static_cast<double>(dataset.type.size)),
        rows(static_cast<double>(dataset.chunk[0])),
        chunks_in_row(1) {
    for (std::size_t axis = 0; axis < dataset.chunk.size(); ++axis) {
      const auto chunk = static_cast<double>(dataset.chunk[axis]);
      bytes *= chunk;
      if (axis > 0) chunks_in_row *= std::ceil(static_cast<double>(dataset.shape[axis]) / chunk);
    }
    chunks = chunks_in_row * std::ceil(static_cast<double>(dataset.shape[0]) / rows);
  }
};

std::string chunk_size_advice(const ChunkGeometry& chunk) {
  if (chunk.bytes < kTinyChunkBytes && chunk.chunks > 1) {
    return fmt::format(
        "tiny chunks of {}: the work for each of the {:.0f} chunks outweighs its data; chunks of "
        "128 KiB to 4 MiB read faster",
        format_bytes(chunk.bytes), chunk.chunks);
  }
  if (chunk.bytes > kHugeChunkBytes) {
    return fmt::format(
        "huge chunks of {}: whoever wants one row of it decodes all of it; chunks of 128 KiB to 4 "
        "MiB read faster",
        format_bytes(chunk.bytes));
  }
  return {};
}

std::string block_advice(const ChunkGeometry& chunk, std::uint64_t block_rows) {
  if (std::fmod(static_cast<double>(block_rows), chunk.rows) == 0) return {};
  return fmt::format(
      "blocks of {} rows cut chunks of {:.0f} rows, so that some chunks are decoded more than "
      "once; let --block-rows be a multiple of {:.0f}",
      block_rows, chunk.rows, chunk.rows);
}

std::string shuffle_advice(const ChunkGeometry& chunk, const hdf5::DatasetInfo& dataset) {
  const double amplification =
      chunk.bytes * chunk.chunks_in_row / static_cast<double>(dataset.row_bytes());
  if (amplification < kNotableAmplification) return {};
  return fmt::format(
      "single rows in random order decode {:.0f} times their size ({} for a row of {}): shuffle "
      "whole chunks, or write fewer rows to a chunk",
      amplification, format_bytes(chunk.bytes * chunk.chunks_in_row),
      format_bytes(static_cast<double>(dataset.row_bytes())));
}

}  // namespace

std::vector<std::string> advice_for(const hdf5::DatasetInfo& dataset, std::uint64_t block_rows) {
  std::vector<std::string> advice;
  const auto add = [&](std::string sentence) {
    if (!sentence.empty()) advice.push_back(std::move(sentence));
  };
  if (dataset.decoded_bytes() == 0) return advice;

  if (!dataset.chunk.empty()) {
    const ChunkGeometry chunk(dataset);
    add(chunk_size_advice(chunk));
    if (chunk.chunks_in_row > 1) {
      add(fmt::format("a row is spread over {:.0f} chunks, because chunks do not span whole rows",
                      chunk.chunks_in_row));
    }
    add(block_advice(chunk, block_rows));
    if (!dataset.filters.empty()) add(shuffle_advice(chunk, dataset));
  }
  if (block_rows >= dataset.row_count() &&
      static_cast<double>(dataset.decoded_bytes()) > kWorthSharingBytes) {
    add("all rows fit one block, so that one worker reads them all; a smaller --block-rows shares "
        "the work, as far as chunks allow");
  }
  return advice;
}

}  // namespace h5flume::cli
