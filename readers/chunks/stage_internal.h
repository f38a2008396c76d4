#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "readers/chunks/stage_output_internal.h"
#include "readers/hdf5/dataset_info.h"

namespace h5flume::chunks {

/// Undoes one filter.
class Stage {
 public:
  virtual ~Stage() = default;

  /// How many bytes go in if `output_bytes` come out; nothing if that depends on the data.
  virtual std::optional<std::size_t> input_bytes(std::size_t output_bytes) const {
    static_cast<void>(output_bytes);
    return std::nullopt;
  }

  /// Decodes `in` and says where the result lies: in room taken from `output`, or within `in`.
  /// Throws Error{kCorruptData}.
  virtual std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) = 0;
};

/// A filter's parameter, 0 if it has fewer.
std::uint32_t value_of(const hdf5::Filter& filter, std::size_t index) noexcept;

// Each throws nothing but std::bad_alloc: the filters have passed FilterPipeline::unsupported().
std::unique_ptr<Stage> make_deflate_stage();
std::unique_ptr<Stage> make_shuffle_stage(const hdf5::Filter& filter);
std::unique_ptr<Stage> make_fletcher32_stage();
std::unique_ptr<Stage> make_szip_stage(const hdf5::Filter& filter);
std::unique_ptr<Stage> make_lzf_stage(const hdf5::Filter& filter);
std::unique_ptr<Stage> make_blosc_stage();
std::unique_ptr<Stage> make_lz4_stage();
std::unique_ptr<Stage> make_bitshuffle_stage(const hdf5::Filter& filter);
std::unique_ptr<Stage> make_zstd_stage();

// What is wrong with the parameters, in words that follow "filter 4 (szip) "; nothing if they
// serve.
std::optional<std::string> deflate_problem(const hdf5::Filter& filter);
std::optional<std::string> shuffle_problem(const hdf5::Filter& filter);
std::optional<std::string> szip_problem(const hdf5::Filter& filter);
std::optional<std::string> bitshuffle_problem(const hdf5::Filter& filter);

}  // namespace h5flume::chunks
