#pragma once

#include <string>
#include <vector>

#include "bench/readers/bench_files.h"
#include "bench/readers/random_ways.h"

namespace h5flume::bench {

/// Ways to serve the same single rows, all of one cost, to be held against each other.
struct RowCase {
  std::string name;  ///< in tables
  std::string file;
  Requests requests;
  std::vector<Way> ways;  ///< the first is what ratios are to
};

/// Rows of chunks that are all in the cache of decoded chunks; beside them memcpy of the same rows
/// from the decoded chunks, and H5Dread with a cache that holds them too. The turn that does not
/// count decodes them.
RowCase cached_rows(const BenchFile& file);

/// Rows of a dataset without filters; beside them pread of the same bytes.
RowCase unfiltered_rows(const BenchFile& file);

/// Rows each of which is in another chunk, that is in no cache; beside them the bare decoding of
/// those chunks: the same decoder in the same thread, stored bytes in memory, into one buffer.
RowCase uncached_rows(const BenchFile& file);

}  // namespace h5flume::bench
