#include <lzf.h>

#include <cerrno>
#include <limits>

#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

constexpr char kLzf[] = "lzf";

class LzfStage final : public Stage {
 public:
  explicit LzfStage(std::size_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    // liblzf reads the first byte before it looks at the length.
    if (in.empty()) corrupt("lzf: no data");
    constexpr std::size_t kMost = std::numeric_limits<unsigned>::max();
    if (in.size() > kMost) corrupt("lzf: the data is too long");
    const auto decoded = decode_growing(
        output, chunk_bytes_, kLzf, [&](std::span<std::byte> room) -> std::optional<std::size_t> {
          const unsigned written =
              lzf_decompress(in.data(), static_cast<unsigned>(in.size()), room.data(),
                             static_cast<unsigned>(std::min(room.size(), kMost)));
          if (written != 0) return written;
          if (errno == E2BIG) return std::nullopt;
          corrupt("lzf: the data is damaged or ends early");
        });
    if (output.exact_bytes() && decoded.size() != *output.exact_bytes()) {
      corrupt("lzf: the data is too short");
    }
    return decoded;
  }

 private:
  std::size_t chunk_bytes_;  // as the writer noted it: a guess, other filters may have come before
};

}  // namespace

std::unique_ptr<Stage> make_lzf_stage(const hdf5::Filter& filter) {
  return std::make_unique<LzfStage>(value_of(filter, 2));
}

}  // namespace h5flume::chunks
