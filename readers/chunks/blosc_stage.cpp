#include <blosc.h>

#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

class BloscStage final : public Stage {
 public:
  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    if (in.size() < BLOSC_MIN_HEADER_LENGTH) corrupt("blosc: the data ends early");
    std::size_t decoded_bytes = 0, stored_bytes = 0, block_bytes = 0;
    blosc_cbuffer_sizes(in.data(), &decoded_bytes, &stored_bytes, &block_bytes);
    if (stored_bytes > in.size()) corrupt("blosc: the data ends early");
    if (blosc_cbuffer_validate(in.data(), stored_bytes, &decoded_bytes) != 0) {
      corrupt("blosc: the header is damaged");
    }
    const auto out = output.room(decoded_bytes, "blosc");
    // The context call: the other one takes a lock that all threads share.
    const int written = blosc_decompress_ctx(in.data(), out.data(), out.size(), 1);
    if (written < 0 || static_cast<std::size_t>(written) != out.size()) {
      corrupt("blosc: the data is damaged");
    }
    return out;
  }
};

}  // namespace

std::unique_ptr<Stage> make_blosc_stage() { return std::make_unique<BloscStage>(); }

}  // namespace h5flume::chunks
