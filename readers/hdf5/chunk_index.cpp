#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "core/error.h"
#include "readers/hdf5/chunk_index_internal.h"
#include "readers/hdf5/chunk_recorder_internal.h"

namespace h5flume::hdf5 {
namespace {

Error error_in_chunk(ErrorCode code, const std::vector<std::uint64_t>& grid, std::uint64_t number,
                     const std::string& cause) {
  return Error(code, name_of_chunk(number, grid) + ": " + cause);
}

// Goes over the chunks of a grid in C order, and knows the first element of each.
class GridWalk {
 public:
  GridWalk(const std::vector<std::uint64_t>& grid, const std::vector<std::uint64_t>& chunk)
      : grid_(grid), chunk_(chunk), place_(grid.size()), element_(grid.size()) {}

  const hsize_t* first_element() const { return element_.data(); }

  void next() {
    for (std::size_t axis = grid_.size(); axis-- > 0;) {
      if (++place_[axis] < grid_[axis]) {
        element_[axis] += chunk_[axis];
        return;
      }
      place_[axis] = 0;
      element_[axis] = 0;
    }
  }

 private:
  const std::vector<std::uint64_t>& grid_;
  const std::vector<std::uint64_t>& chunk_;
  std::vector<std::uint64_t> place_;
  std::vector<hsize_t> element_;
};

// Walks over the whole index.
std::uint64_t number_of_stored_chunks(const H5::DataSet& dataset) {
  hsize_t count = 0;
  checked(H5Dget_num_chunks(dataset.getId(), dataset.getSpace().getId(), &count),
          "H5Dget_num_chunks");
  return count;
}

void record_chunks(LibraryAccess& access, const OpenedDataset& opened,
                   const std::vector<std::uint64_t>& grid, std::vector<StoredChunk>& chunks) {
  std::optional<std::uint64_t> left;  // stored chunks to be found yet; counted when it matters
  ChunkRecorder recorder(access, opened.dataset, opened.info.file, opened.descriptor);
  GridWalk walk(grid, opened.info.chunk);
  for (std::uint64_t i = 0; i < chunks.size(); ++i, walk.next()) {
    try {
      const StoredChunk found = recorder.locate(walk.first_element());
      const bool exists = found.address != kMissing;
      // The index of a single chunk does not ask for which place: it gives the same for all.
      const bool repeats = exists && i > 0 && found.address == chunks[i - 1].address;
      if (!left && (!exists || repeats)) {
        // Their number, not their bytes: a damaged index may hold chunks of no bytes.
        const std::uint64_t stored = number_of_stored_chunks(opened.dataset);
        left = stored - std::min(stored, i);
      }
      // Asking for a chunk that is missing is slow: one only is asked for after the last that
      // exists.
      if (left == 0) {
        if (!exists) return;
        throw Error(ErrorCode::kCorruptData, "the index has fewer chunks than it gives");
      }
      chunks[i] = found;
      if (left && exists) --*left;
    } catch (const Error& error) {
      throw error_in_chunk(error.code(), grid, i, error.what());
    }
  }
}

#if H5_VERSION_GE(1, 14, 4)

struct Iteration {
  const std::vector<std::uint64_t>& grid;
  const std::vector<std::uint64_t>& chunk;
  std::vector<StoredChunk>& chunks;

  static int add(const hsize_t* first_element, unsigned mask, haddr_t address, hsize_t size,
                 void* data) {
    const auto& self = *static_cast<Iteration*>(data);
    std::uint64_t number = 0;
    for (std::size_t axis = 0; axis < self.grid.size(); ++axis) {
      const std::uint64_t place = first_element[axis] / self.chunk[axis];
      if (place >= self.grid[axis]) return H5_ITER_CONT;  // outside the shape: never read
      number = number * self.grid[axis] + place;
    }
    if (address != HADDR_UNDEF) self.chunks[number] = {address, size, mask};
    return H5_ITER_CONT;
  }
};

// Older releases lack the function, or leave the user block out of its addresses.
bool library_iterates() {
  unsigned major = 0, minor = 0, release = 0;
  checked(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return std::tuple(major, minor, release) >= std::tuple(1u, 14u, 4u);
}

void iterate_chunks(const OpenedDataset& opened, const std::vector<std::uint64_t>& grid,
                    std::vector<StoredChunk>& chunks) {
  Iteration iteration{grid, opened.info.chunk, chunks};
  checked(H5Dchunk_iter(opened.dataset.getId(), H5P_DEFAULT, &Iteration::add, &iteration),
          "H5Dchunk_iter");
}

#endif

void find_chunks(LibraryAccess& access, const OpenedDataset& opened,
                 const std::vector<std::uint64_t>& grid, std::vector<StoredChunk>& chunks) {
#if H5_VERSION_GE(1, 14, 4)
  if (library_iterates()) return iterate_chunks(opened, grid, chunks);
#endif
  record_chunks(access, opened, grid, chunks);
}

}  // namespace

std::vector<StoredChunk> chunk_index(LibraryAccess& access, const OpenedDataset& opened,
                                     const std::vector<std::uint64_t>& grid) {
  std::uint64_t count = 1;
  for (const std::uint64_t along : grid) count *= along;
  std::vector<StoredChunk> chunks(count);
  if (count == 0) return chunks;
  find_chunks(access, opened, grid, chunks);
  for (std::uint64_t i = 0; i < count; ++i) {
    const StoredChunk& chunk = chunks[i];
    if (chunk.address == kMissing) continue;
    if (chunk.size_bytes == 0) {
      throw error_in_chunk(ErrorCode::kCorruptData, grid, i, "it is stored in no bytes");
    }
    if (!lies_inside(chunk.address, chunk.size_bytes, opened.file_bytes)) {
      throw error_in_chunk(ErrorCode::kCorruptData, grid, i,
                           fmt::format("its {} bytes at {} lie outside the file's {} bytes",
                                       chunk.size_bytes, chunk.address, opened.file_bytes));
    }
  }
  return chunks;
}

}  // namespace h5flume::hdf5
