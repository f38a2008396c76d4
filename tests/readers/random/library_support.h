#pragma once

#include "tests/readers/random/random_fixture.h"

// Datasets that only libhdf5 can read, of counting int32 as random_fixture.h has them.
namespace h5flume::test {

enum class LibraryStorage { kCompact, kExternal, kVirtual, kScaleOffset, kGzip, kContiguous };

inline std::string name_of(LibraryStorage storage) {
  const char* const names[] = {"compact",      "external", "virtual",
                               "scale-offset", "gzip",     "contiguous"};
  return names[static_cast<int>(storage)];
}

/// Those that could be read directly are read by libhdf5 if the reader is told so.
inline bool is_direct_by_default(LibraryStorage storage) {
  return storage == LibraryStorage::kGzip || storage == LibraryStorage::kContiguous;
}

/// A virtual dataset /x that takes each half of its rows from a file of its own.
inline void write_virtual(const TemporaryFolder& folder, H5::H5File& file,
                          const std::vector<hsize_t>& shape, const std::vector<hsize_t>& chunk) {
  const auto all = hdf5::space_of(shape);
  H5::DSetCreatPropList creation;
  std::size_t row_elements = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) row_elements *= shape[axis];
  for (hsize_t begin = 0, end = shape[0] / 2; begin < shape[0]; begin = end, end = shape[0]) {
    if (begin == end) continue;
    const std::string name = folder.file("part" + std::to_string(begin) + ".h5");
    auto part = shape;
    part[0] = end - begin;
    auto part_chunk = chunk;
    part_chunk[0] = std::min(part_chunk[0], part[0]);
    H5::H5File source(name, H5F_ACC_TRUNC);
    hdf5::write_ints(source, "/part", part,
                     hdf5::counting<std::int32_t>(part[0] * row_elements,
                                                  static_cast<std::int32_t>(begin * row_elements)),
                     creation_of(Storage::kGzip, part_chunk));
    std::vector<hsize_t> start(shape.size(), 0);
    start[0] = begin;
    auto place = hdf5::space_of(shape);
    place.selectHyperslab(H5S_SELECT_SET, part.data(), start.data());
    H5Pset_virtual(creation.getId(), place.getId(), name.c_str(), "/part",
                   hdf5::space_of(part).getId());
  }
  file.createDataSet("/x", H5::PredType::STD_I32LE, all, creation);
}

/// A file with /x: counting int32 of `shape`, stored so that libhdf5 is needed, or can be made to.
inline std::string library_file(const TemporaryFolder& folder, LibraryStorage storage,
                                const std::vector<hsize_t>& shape,
                                const std::vector<hsize_t>& chunk) {
  const std::string path = folder.file("library.h5");
  H5::H5File file(path, H5F_ACC_TRUNC);
  std::size_t count = 1;
  for (const hsize_t extent : shape) count *= extent;
  H5::DSetCreatPropList creation;
  switch (storage) {
    case LibraryStorage::kVirtual:
      write_virtual(folder, file, shape, chunk);
      return path;
    case LibraryStorage::kCompact:
      creation.setLayout(H5D_COMPACT);
      break;
    case LibraryStorage::kExternal:
      creation.setExternal(folder.file("library.raw").c_str(), 0, count * sizeof(std::int32_t));
      break;
    case LibraryStorage::kScaleOffset:
      creation = hdf5::chunked(chunk);
      H5Pset_scaleoffset(creation.getId(), H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT);
      break;
    case LibraryStorage::kGzip:
      creation = creation_of(Storage::kGzip, chunk);
      break;
    default:
      break;
  }
  hdf5::write_ints(file, "/x", shape, hdf5::counting(count), creation);
  return path;
}

}  // namespace h5flume::test
