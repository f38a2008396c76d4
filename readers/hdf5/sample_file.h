#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace h5flume::hdf5 {

/// The sample files that `h5flume` can write, to try things out and to measure.
enum class SampleKind {
  kImages,  ///< /images: rows x 64 x 64 x 3 uint8, chunks of 32, gzip; /labels: int64
  kTable,   ///< /events: compound of 57 bytes {id, 8 floats, name, flag}, chunks of 2299, gzip
  kSensor,  ///< /sensor: rows x 512 float32, chunks of 128, gzip; /time: float64
};

/// "images" and so on.
std::string to_string(SampleKind kind);

/// The inverse of to_string(). Throws kInvalidArgument, naming the kinds.
SampleKind sample_kind_from(const std::string& name);

/// As many rows as take about 300 MB decoded.
std::uint64_t default_rows(SampleKind kind);

/// Told now and then how many rows are written; an exception it throws ends the writing. libhdf5
/// is locked meanwhile: the function must not use datasets.
using SampleProgress = std::function<void(std::uint64_t rows_done, std::uint64_t rows_total)>;

/// Writes a sample file. The same kind and number of rows give the same values on every machine.
/// gzip gains about what it gains on photographs, tables of measurements and sampled signals.
///
/// If writing fails, the partial file is removed. Throws kInvalidArgument if the file exists and
/// `overwrite` is false, kIo, kOutOfMemory (a full disk).
void write_sample(const std::string& file, SampleKind kind, std::uint64_t rows,
                  const SampleProgress& progress = {}, bool overwrite = false);

}  // namespace h5flume::hdf5
