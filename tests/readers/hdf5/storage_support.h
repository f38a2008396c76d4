#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "tests/readers/hdf5/hdf5_support.h"

#if __has_include(<H5Ddevelop.h>)
#include <H5Ddevelop.h>  // where HDF5 1.14 declares H5Dget_chunk_index_type()
#endif

/// Files of every chunk index and layout, and what libhdf5 says of where their values lie.
namespace h5flume::hdf5 {

/// The six ways in which HDF5 finds chunks.
enum class Index { kBTree1, kSingle, kImplicit, kFixedArray, kExtensibleArray, kBTree2 };

struct ChunkedFile {
  std::vector<hsize_t> shape;
  std::vector<hsize_t> chunk;
  Index index = Index::kBTree1;
  hsize_t user_block = 0;
  bool gzip = false;
};

/// Creates `path` with a dataset /x of int32, unwritten, whose chunks are found by `wanted.index`.
class NewChunkedFile {
 public:
  NewChunkedFile(const std::string& path, const ChunkedFile& wanted,
                 H5::DSetCreatPropList creation = H5::DSetCreatPropList()) {
    H5::FileCreatPropList file_creation;
    file_creation.setUserblock(wanted.user_block);
    H5::FileAccPropList access;
    if (wanted.index != Index::kBTree1) {
      access.setLibverBounds(H5F_LIBVER_V110, H5F_LIBVER_LATEST);
    }
    file = H5::H5File(path, H5F_ACC_TRUNC, file_creation, access);

    if (creation.getLayout() != H5D_CHUNKED) {  // else it may have options that this resets
      creation.setChunk(static_cast<int>(wanted.chunk.size()), wanted.chunk.data());
    }
    if (wanted.index == Index::kImplicit) creation.setAllocTime(H5D_ALLOC_TIME_EARLY);
    if (wanted.gzip) creation.setDeflate(1);
    std::vector<hsize_t> most = wanted.shape;
    if (wanted.index == Index::kExtensibleArray || wanted.index == Index::kBTree2) {
      most[0] = H5S_UNLIMITED;
    }
    if (wanted.index == Index::kBTree2) most[1] = H5S_UNLIMITED;
    const H5::DataSpace space(static_cast<int>(most.size()), wanted.shape.data(), most.data());
    dataset = file.createDataSet("x", H5::PredType::STD_I32LE, space, creation);

    constexpr H5D_chunk_index_t kExpected[] = {H5D_CHUNK_IDX_BTREE,  H5D_CHUNK_IDX_SINGLE,
                                               H5D_CHUNK_IDX_NONE,   H5D_CHUNK_IDX_FARRAY,
                                               H5D_CHUNK_IDX_EARRAY, H5D_CHUNK_IDX_BT2};
    H5D_chunk_index_t found = H5D_CHUNK_IDX_BTREE;
    REQUIRE(H5Dget_chunk_index_type(dataset.getId(), &found) >= 0);
    REQUIRE(found == kExpected[static_cast<int>(wanted.index)]);
  }

  /// Writes 0, 1, 2, ... into the whole dataset.
  void write_counting() {
    const auto count = static_cast<std::size_t>(dataset.getSpace().getSimpleExtentNpoints());
    dataset.write(counting(count).data(), H5::PredType::NATIVE_INT32);
  }

  /// Writes one element.
  void write_at(const std::vector<hsize_t>& place, std::int32_t value) {
    const H5::DataSpace space = dataset.getSpace();
    space.selectElements(H5S_SELECT_SET, 1, place.data());
    dataset.write(&value, H5::PredType::NATIVE_INT32, H5::DataSpace(H5S_SCALAR), space);
  }

  H5::H5File file;
  H5::DataSet dataset;
};

inline std::vector<std::byte> bytes_at(const std::string& file, std::uint64_t address,
                                       std::size_t size) {
  std::vector<std::byte> bytes(size);
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t got = ::pread(descriptor, bytes.data(), size, static_cast<off_t>(address));
  ::close(descriptor);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

/// Puts `new_bytes` over the one place of a file where `old_bytes` stand.
inline void replace_in_file(const std::string& file, const std::string& old_bytes,
                            const std::string& new_bytes) {
  const std::vector<std::byte> content = bytes_at(file, 0, std::filesystem::file_size(file));
  const std::string text(reinterpret_cast<const char*>(content.data()), content.size());
  const std::size_t at = text.find(old_bytes);
  REQUIRE(at != std::string::npos);
  REQUIRE(text.find(old_bytes, at + 1) == std::string::npos);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t put =
      ::pwrite(descriptor, new_bytes.data(), new_bytes.size(), static_cast<off_t>(at));
  ::close(descriptor);
  REQUIRE(put == static_cast<ssize_t>(new_bytes.size()));
}

template <class T>
std::string as_bytes(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

inline StorageMap map_of(const std::string& file, const std::string& path = "x",
                         const OpenOptions& options = {}) {
  return Dataset(file, path, options).storage_map();
}

/// A place in a space of `shape`, counted in C order.
inline std::vector<std::uint64_t> place_of(std::uint64_t number,
                                           const std::vector<std::uint64_t>& shape) {
  std::vector<std::uint64_t> place(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = number % shape[axis];
    number /= shape[axis];
  }
  return place;
}

/// One chunk as H5Dread_chunk() gives it; nothing if it is missing.
struct RawChunk {
  std::vector<std::byte> bytes;
  std::uint32_t filter_mask = 0;

  bool operator==(const RawChunk&) const = default;
};

inline std::optional<RawChunk> library_chunk(const H5::DataSet& dataset,
                                             const std::vector<hsize_t>& first_element) {
  RawChunk chunk;
  hsize_t size = 0;
  H5E_BEGIN_TRY {
    if (H5Dget_chunk_storage_size(dataset.getId(), first_element.data(), &size) < 0) size = 0;
  }
  H5E_END_TRY
  if (size == 0) return std::nullopt;
  chunk.bytes.resize(size);
  REQUIRE(H5Dread_chunk(dataset.getId(), H5P_DEFAULT, first_element.data(), &chunk.filter_mask,
                        chunk.bytes.data()) >= 0);
  return chunk;
}

/// How many chunks of /x lie elsewhere than libhdf5 reads them from.
inline std::size_t misplaced_chunks(const std::string& file, const StorageMap& map) {
  const H5::H5File opened(file, H5F_ACC_RDONLY);
  const H5::DataSet dataset = opened.openDataSet("x");
  std::vector<hsize_t> chunk(map.grid.size());
  dataset.getCreatePlist().getChunk(static_cast<int>(chunk.size()), chunk.data());
  std::size_t wrong = 0;
  for (std::uint64_t i = 0; i < map.chunks.size(); ++i) {
    std::vector<hsize_t> first_element;
    const auto place = place_of(i, map.grid);
    for (std::size_t axis = 0; axis < place.size(); ++axis) {
      first_element.push_back(place[axis] * chunk[axis]);
    }
    const StoredChunk& stored = map.chunks[i];
    std::optional<RawChunk> direct;
    if (stored.address != kMissing) {
      direct = RawChunk{bytes_at(file, stored.address, stored.size_bytes), stored.filter_mask};
    }
    wrong += direct != library_chunk(dataset, first_element);
  }
  return wrong;
}

/// All bytes of an unfiltered dataset, read by what its map says, the simplest way.
inline std::vector<std::byte> read_by_map(const Dataset& dataset) {
  const DatasetInfo& info = dataset.info();
  const StorageMap map = dataset.storage_map();
  REQUIRE(map.reason_for_hdf5.empty());
  std::vector<std::byte> out;
  for (std::uint64_t i = 0; i < info.decoded_bytes() / map.element_bytes; ++i) {
    std::uint64_t at = map.address;
    std::uint64_t offset = i;
    if (info.layout == Layout::kChunked) {
      const auto place = place_of(i, info.shape);
      std::uint64_t chunk = 0;
      offset = 0;
      for (std::size_t axis = 0; axis < place.size(); ++axis) {
        chunk = chunk * map.grid[axis] + place[axis] / info.chunk[axis];
        offset = offset * info.chunk[axis] + place[axis] % info.chunk[axis];
      }
      at = map.chunks[chunk].address;
    }
    std::vector<std::byte> element = map.fill;
    if (at != kMissing) {
      element = bytes_at(info.file, at + offset * map.element_bytes, map.element_bytes);
      for (std::size_t unit = 0; map.swap_bytes > 0 && unit < element.size();
           unit += map.swap_bytes) {
        const auto first = element.begin() + static_cast<std::ptrdiff_t>(unit);
        std::reverse(first, first + static_cast<std::ptrdiff_t>(map.swap_bytes));
      }
      pad_text(map.text, map.element_bytes, element);
    }
    out.insert(out.end(), element.begin(), element.end());
  }
  return out;
}

/// The same by libhdf5.
inline std::vector<std::byte> read_by_library(Dataset& dataset) {
  std::vector<std::byte> out(dataset.info().decoded_bytes(), std::byte{0x5a});
  dataset.read_rows(0, dataset.info().row_count(), out);
  return out;
}

}  // namespace h5flume::hdf5
