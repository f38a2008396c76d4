#include "readers/chunks/filter_pipeline.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "core/error.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

constexpr std::size_t kMostFilters = 32;  // libhdf5's limit, and the bits of a filter mask

using Problem = std::optional<std::string>;

struct Decoder {
  int filter_id;
  std::unique_ptr<Stage> (*make)(const hdf5::Filter&);
  Problem (*problem)(const hdf5::Filter&);
};

template <std::unique_ptr<Stage> (*make)()>
std::unique_ptr<Stage> without_parameters(const hdf5::Filter&) {
  return make();
}
Problem none(const hdf5::Filter&) { return std::nullopt; }

constexpr Decoder kDecoders[] = {
    {1, without_parameters<make_deflate_stage>, deflate_problem},
    {2, make_shuffle_stage, shuffle_problem},
    {3, without_parameters<make_fletcher32_stage>, none},
    {4, make_szip_stage, szip_problem},
    {32000, make_lzf_stage, none},
    {32001, without_parameters<make_blosc_stage>, none},
    {32004, without_parameters<make_lz4_stage>, none},
    {32008, make_bitshuffle_stage, bitshuffle_problem},
    {32015, without_parameters<make_zstd_stage>, none},
};

const Decoder* find_decoder(int filter_id) {
  for (const Decoder& decoder : kDecoders) {
    if (decoder.filter_id == filter_id) return &decoder;
  }
  return nullptr;
}

std::string title(const hdf5::Filter& filter) {
  return filter.name.empty() ? fmt::format("filter {}", filter.id)
                             : fmt::format("filter {} ({})", filter.id, filter.name);
}

// What a compressor made of a chunk for the next one to compress. Encoders grow data that does not
// compress by a percent, with tiny blocks by half; 64 KiB are for the headers of tiny chunks. More
// than this is no chunk but an attempt to fill the memory.
std::size_t intermediate_limit(std::size_t chunk_bytes) { return 4 * chunk_bytes + (64u << 10); }

}  // namespace

std::uint32_t value_of(const hdf5::Filter& filter, std::size_t index) noexcept {
  return index < filter.values.size() ? filter.values[index] : 0;
}

struct FilterPipeline::State {
  std::vector<std::unique_ptr<Stage>> stages;  // in the order of writing
  std::size_t chunk_bytes = 0;
  std::array<Scratch, 2> scratch;  // one stage's input and its output

  // What stage `index` decodes to, unless a later stage's data decides that.
  std::optional<std::size_t> output_bytes(std::size_t index, std::uint32_t filter_mask) const {
    std::optional<std::size_t> bytes = chunk_bytes;
    for (std::size_t i = 0; i < index && bytes; ++i) {
      if ((filter_mask >> i & 1) == 0) bytes = stages[i]->input_bytes(*bytes);
    }
    return bytes;
  }
};

std::optional<std::string> FilterPipeline::unsupported(std::span<const hdf5::Filter> filters) {
  if (filters.size() > kMostFilters) {
    return fmt::format("{} filters, HDF5 has at most {}", filters.size(), kMostFilters);
  }
  for (const hdf5::Filter& filter : filters) {
    const Decoder* const decoder = find_decoder(filter.id);
    if (decoder == nullptr) return title(filter) + " has no decoder here";
    if (const auto problem = decoder->problem(filter)) return title(filter) + ' ' + *problem;
  }
  return std::nullopt;
}

FilterPipeline::FilterPipeline(std::vector<hdf5::Filter> filters, std::size_t chunk_bytes)
    : state_(std::make_unique<State>()) {
  if (const auto why = unsupported(filters)) throw Error(ErrorCode::kUnsupported, *why);
  state_->chunk_bytes = chunk_bytes;
  for (const hdf5::Filter& filter : filters) {
    state_->stages.push_back(find_decoder(filter.id)->make(filter));
  }
}

FilterPipeline::FilterPipeline(FilterPipeline&&) noexcept = default;
FilterPipeline& FilterPipeline::operator=(FilterPipeline&&) noexcept = default;
FilterPipeline::~FilterPipeline() = default;

void FilterPipeline::decode(std::span<const std::byte> stored, std::uint32_t filter_mask,
                            std::span<std::byte> out) {
  State& state = *state_;
  if (out.size() != state.chunk_bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("room for {} bytes, a chunk has {}", out.size(), state.chunk_bytes));
  }

  const auto skipped = [&](std::size_t i) { return (filter_mask >> i & 1) != 0; };
  std::size_t last = 0;  // the stage that is decoded last
  while (last < state.stages.size() && skipped(last)) ++last;

  std::span<const std::byte> bytes = stored;
  for (std::size_t i = state.stages.size(); i-- > last;) {
    if (skipped(i)) continue;
    Scratch& free_scratch = state.scratch[state.scratch[0].holds(bytes) ? 1 : 0];
    StageOutput output = i == last ? StageOutput(out)
                                   : StageOutput(free_scratch, state.output_bytes(i, filter_mask),
                                                 intermediate_limit(state.chunk_bytes));
    bytes = state.stages[i]->decode(bytes, output);
  }

  if (bytes.size() != out.size()) {
    corrupt(fmt::format("decodes to {} bytes instead of {}", bytes.size(), out.size()));
  }
  if (bytes.data() != out.data() && !out.empty()) {
    std::memcpy(out.data(), bytes.data(), out.size());
  }
}

}  // namespace h5flume::chunks
