#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/saturating.h"
#include "readers/hdf5/dataset_layout_internal.h"
#include "readers/hdf5/hdf5_call_internal.h"

namespace h5flume::hdf5 {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kSmallestCache = kMiB;
constexpr std::uint64_t kLargestCache = 256 * kMiB;
constexpr std::uint64_t kSourceCache = 16 * kMiB;  // of each source of a virtual dataset

// Source: the registry of filters, https://github.com/HDFGroup/hdf5_plugins.
std::string filter_name(int id, const std::string& stored_name) {
  constexpr std::pair<int, const char*> kNames[] = {{H5Z_FILTER_DEFLATE, "gzip"},
                                                    {H5Z_FILTER_SHUFFLE, "shuffle"},
                                                    {H5Z_FILTER_FLETCHER32, "fletcher32"},
                                                    {H5Z_FILTER_SZIP, "szip"},
                                                    {H5Z_FILTER_NBIT, "nbit"},
                                                    {H5Z_FILTER_SCALEOFFSET, "scaleoffset"},
                                                    {32000, "lzf"},
                                                    {32001, "blosc"},
                                                    {32004, "lz4"},
                                                    {32008, "bitshuffle"},
                                                    {32015, "zstd"}};
  for (const auto& [known, name] : kNames) {
    if (known == id) return name;
  }
  return stored_name.empty() ? "unnamed" : stored_name;
}

Filter read_filter(const H5::DSetCreatPropList& creation, int index) {
  Filter filter;
  std::size_t value_count = 32;
  for (;;) {
    filter.values.resize(value_count);
    char name[256] = {};
    unsigned flags = 0;
    unsigned config = 0;
    const std::size_t room = value_count;
    filter.id = creation.getFilter(index, flags, value_count, filter.values.data(), sizeof name - 1,
                                   name, config);
    if (value_count > room) continue;
    filter.values.resize(value_count);
    filter.name = filter_name(filter.id, name);
    return filter;
  }
}

Layout layout_of(const H5::DSetCreatPropList& creation) {
  switch (creation.getLayout()) {
    case H5D_COMPACT:
      return Layout::kCompact;
    case H5D_CHUNKED:
      return Layout::kChunked;
    case H5D_VIRTUAL:
      return Layout::kVirtual;
    default:
      return creation.getExternalCount() > 0 ? Layout::kExternal : Layout::kContiguous;
  }
}

std::uint64_t next_prime(std::uint64_t number) {
  const auto is_prime = [](std::uint64_t n) {
    for (std::uint64_t d = 2; d * d <= n; ++d) {
      if (n % d == 0) return false;
    }
    return true;
  };
  while (!is_prime(number)) ++number;
  return number;
}

}  // namespace

std::string describe_storage(const H5::DSetCreatPropList& creation, DatasetInfo& info) {
  info.layout = layout_of(creation);
  if (info.layout != Layout::kChunked) return "";

  std::vector<hsize_t> chunk(H5S_MAX_RANK);
  const int rank = creation.getChunk(H5S_MAX_RANK, chunk.data());
  info.chunk.assign(chunk.begin(), chunk.begin() + std::clamp(rank, 0, H5S_MAX_RANK));
  if (std::find(info.chunk.begin(), info.chunk.end(), 0u) != info.chunk.end()) {
    throw Error(ErrorCode::kCorruptData, "a chunk has no elements");
  }

  std::string missing;
  const int filter_count = creation.getNfilters();
  for (int i = 0; i < filter_count; ++i) {
    Filter filter = read_filter(creation, i);
    if (missing.empty() && checked(H5Zfilter_avail(filter.id), "H5Zfilter_avail") == 0) {
      missing = fmt::format(
          "filter {} ({}) is not installed; libhdf5 looks for plug-ins in the "
          "folders that HDF5_PLUGIN_PATH names",
          filter.id, filter.name);
    }
    info.filters.push_back(std::move(filter));
  }
  return missing;
}

std::vector<std::uint64_t> shape_of(const H5::DataSpace& space) {
  switch (space.getSimpleExtentType()) {
    case H5S_SCALAR:
      throw Error(ErrorCode::kUnsupported, "is a scalar: it has no rows");
    case H5S_NULL:
      throw Error(ErrorCode::kUnsupported, "has a null dataspace: it has no data");
    default:
      break;
  }
  std::vector<hsize_t> dims(static_cast<std::size_t>(space.getSimpleExtentNdims()));
  if (dims.empty()) throw Error(ErrorCode::kUnsupported, "is a scalar: it has no rows");
  space.getSimpleExtentDims(dims.data());
  return {dims.begin(), dims.end()};
}

void check_size(const DatasetInfo& info) {
  // In libhdf5's memory an element of variable length is a pointer and a length.
  std::uint64_t row_bytes = info.type.is_variable_length() ? sizeof(hvl_t) : info.type.size;
  std::uint64_t bytes = 0;
  bool overflows = false;
  for (std::size_t axis = 1; axis < info.shape.size(); ++axis) {
    overflows |= __builtin_mul_overflow(row_bytes, info.shape[axis], &row_bytes);
  }
  overflows |= __builtin_mul_overflow(row_bytes, info.shape[0], &bytes);
  if (overflows) throw Error(ErrorCode::kUnsupported, "has more than 2^64 bytes");
}

void check_stored_size(const DatasetInfo& info, std::uint64_t stored_element_bytes) {
  if (info.type.is_variable_length()) return;
  if (info.layout != Layout::kContiguous && info.layout != Layout::kCompact) return;
  std::uint64_t bytes = stored_element_bytes;
  for (const std::uint64_t size : info.shape) bytes = saturating_product(bytes, size);
  if (bytes <= info.stored_bytes) return;
  throw Error(ErrorCode::kCorruptData,
              fmt::format("its elements of {} bytes do not fit the {} bytes that are stored",
                          stored_element_bytes, info.stored_bytes));
}

std::uint64_t mean_value_bytes(const DatasetInfo& info, std::uint64_t file_bytes) {
  if (!info.type.is_variable_length()) return 0;
  const std::uint64_t elements = info.row_count() * info.row_elements();
  return file_bytes / std::max<std::uint64_t>(elements, 1);
}

bool leaves_gaps(const H5::DSetCreatPropList& creation) {
  return creation.getFillTime() == H5D_FILL_TIME_NEVER ||
         creation.isFillValueDefined() == H5D_FILL_VALUE_UNDEFINED;
}

void set_chunk_cache(const H5::DSetAccPropList& access, const DatasetInfo& info,
                     std::uint64_t stored_element_bytes) {
  if (info.layout == Layout::kVirtual) return access.setChunkCache(1009, kSourceCache, 1.0);
  if (info.layout != Layout::kChunked) return;
  if (info.filters.empty()) return access.setChunkCache(1, 0, 1.0);

  std::uint64_t chunk_bytes = std::max<std::uint64_t>(stored_element_bytes, 1);
  std::uint64_t chunks = 1;
  for (std::size_t i = 0; i < info.chunk.size(); ++i) {
    chunk_bytes = saturating_product(chunk_bytes, info.chunk[i]);
    if (i > 0 && info.shape[i] > 0) {
      chunks = saturating_product(chunks, (info.shape[i] - 1) / info.chunk[i] + 1);
    }
  }
  const std::uint64_t cache_bytes =
      std::clamp(saturating_product(chunk_bytes, chunks), kSmallestCache, kLargestCache);
  const std::uint64_t cached_chunks = cache_bytes / chunk_bytes + 1;
  access.setChunkCache(next_prime(10 * std::min(cached_chunks, chunks) + 1), cache_bytes, 1.0);
}

}  // namespace h5flume::hdf5
