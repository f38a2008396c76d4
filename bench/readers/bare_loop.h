#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/readers/pass.h"
#include "readers/hdf5/dataset.h"

namespace h5flume::bench {

/// What the machine can decode: the stored chunks of a dataset, loaded beforehand, are decoded by
/// threads into a buffer of each, with nothing else around them.
class BareLoop {
 public:
  /// Loads all chunks. Throws Error if the dataset cannot be read directly.
  BareLoop(const std::string& file, const std::string& dataset);

  /// Decodes every chunk `times` times.
  void run(unsigned threads, unsigned times, Pass& pass) const;

 private:
  struct Chunk {
    std::size_t offset;  // in stored_
    std::size_t size_bytes;
    std::uint32_t filter_mask;
  };

  hdf5::DatasetInfo info_;
  std::size_t chunk_bytes_ = 0;
  std::vector<std::byte> stored_;
  std::vector<Chunk> chunks_;
};

}  // namespace h5flume::bench
