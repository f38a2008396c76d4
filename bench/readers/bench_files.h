#pragma once

#include <string>
#include <vector>

namespace h5flume::bench {

/// A dataset to measure with.
struct BenchFile {
  std::string name;  ///< in tables
  std::string path;
  std::string dataset;
  bool filtered = false;
  bool library_reads = true;  ///< libhdf5 alone, without plug-ins
  bool many_chunks = false;   ///< so that its index is worth keeping
  bool is_fast = false;       ///< one pass takes so little that several are measured
};

/// The files of the speed targets, about 300 MB decoded each, small_chunks 40 MB:
///
///   images_gzip   24,000 x 64 x 64 x 3 u8, chunks of 32 rows, gzip   \ as `h5flume sample`
///   sensor_gzip   150,000 x 512 f4, chunks of 128 rows, gzip          | makes them
///   table_gzip    compounds of 57 bytes, gzip, as PyTables tables    /
///   sensor_zstd   the values of sensor_gzip with shuffle and zstd
///   sensor_lz4    the values of sensor_gzip with shuffle and lz4
///   small_chunks  100,000 chunks of 100 f4, shuffle and gzip
///   contiguous    150,000 x 512 f4
///   chunked       150,000 x 512 f4, chunks of 128 rows, no filter
std::vector<BenchFile> bench_files(const std::string& folder);

/// Writes the file unless it is there. Throws Error or H5::Exception.
void make(const BenchFile& file);

}  // namespace h5flume::bench
