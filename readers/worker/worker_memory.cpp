#include <algorithm>
#include <filesystem>

#include "core/saturating.h"
#include "readers/worker/worker_memory_internal.h"

namespace h5flume {
namespace {

constexpr std::uint64_t kAlways = std::uint64_t{512} << 20;  // chunks that libhdf5 keeps, too

}  // namespace

std::uint64_t opening_memory_bytes(const std::string& file) {
  constexpr std::uint64_t kMostForTables = std::uint64_t{2} << 30;
  std::error_code unknown;
  const std::uintmax_t file_bytes = std::filesystem::file_size(file, unknown);
  if (unknown) return kAlways;
  return kAlways + std::min(saturating_product(4, file_bytes), kMostForTables);
}

std::optional<std::uint64_t> reading_memory_bytes(const hdf5::DatasetInfo& info,
                                                  std::size_t capacity_bytes) {
  // A filter decodes into buffers of its own, and enlarges them as it goes.
  constexpr std::uint64_t kCopies = 8;
  if (info.layout == hdf5::Layout::kVirtual) return std::nullopt;
  std::uint64_t chunk_bytes = info.type.size;
  for (const std::uint64_t extent : info.chunk) {
    chunk_bytes = saturating_product(chunk_bytes, extent);
  }
  const std::uint64_t at_a_time = saturating_sum(chunk_bytes, info.row_bytes());
  const std::uint64_t chunks = saturating_product(kCopies, at_a_time);
  if (!info.type.is_variable_length()) return saturating_sum(kAlways, chunks);
  return saturating_sum(saturating_sum(opening_memory_bytes(info.file), chunks),
                        saturating_product(2, capacity_bytes));
}

}  // namespace h5flume
