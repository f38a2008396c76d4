#include <algorithm>
#include <cstring>

#include "readers/chunks/shuffle_internal.h"
#include "readers/chunks/stage_internal.h"
#include "readers/chunks/transpose_kernels_internal.h"

namespace h5flume::chunks {
namespace {

// From element `begin` on. kSize is the size of an element, 0 if that is known only at run time.
template <std::size_t kSize>
void unshuffle_plain(const std::byte* in, std::size_t element_bytes, std::size_t begin,
                     std::size_t count, std::byte* out) noexcept {
  const std::size_t size = kSize != 0 ? kSize : element_bytes;
  constexpr std::size_t kBlock = 256;  // so that the lines written to stay in the nearest cache
  for (; begin < count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, count);
    for (std::size_t k = 0; k < size; ++k) {
      for (std::size_t i = begin; i < end; ++i) out[i * size + k] = in[k * count + i];
    }
  }
}

void unshuffle_rest(const std::byte* in, std::size_t element_bytes, std::size_t begin,
                    std::size_t count, std::byte* out) noexcept {
  switch (element_bytes) {
    case 2:
      return unshuffle_plain<2>(in, 2, begin, count, out);
    case 4:
      return unshuffle_plain<4>(in, 4, begin, count, out);
    case 8:
      return unshuffle_plain<8>(in, 8, begin, count, out);
    default:
      return unshuffle_plain<0>(in, element_bytes, begin, count, out);
  }
}

class ShuffleStage final : public Stage {
 public:
  explicit ShuffleStage(std::size_t element_bytes) : element_bytes_(element_bytes) {}

  std::optional<std::size_t> input_bytes(std::size_t output_bytes) const override {
    return output_bytes;
  }

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    if (element_bytes_ == 1 || in.size() < 2 * element_bytes_) return in;  // nothing was moved
    const auto out = output.room(in.size(), "shuffle");
    unshuffle(in, element_bytes_, out.data());
    return out;
  }

 private:
  std::size_t element_bytes_;
};

}  // namespace

void unshuffle(std::span<const std::byte> in, std::size_t element_bytes, std::byte* out,
               InstructionSet set) noexcept {
  const std::size_t count = in.size() / element_bytes;
  const UnshuffleKernel kernel = find_unshuffle_kernel(set, element_bytes);
  const std::size_t done = kernel != nullptr ? kernel(in.data(), count, out) : 0;
  unshuffle_rest(in.data(), element_bytes, done, count, out);

  const std::size_t whole = count * element_bytes;
  if (whole < in.size()) std::memcpy(out + whole, in.data() + whole, in.size() - whole);
}

std::optional<std::string> shuffle_problem(const hdf5::Filter& filter) {
  if (value_of(filter, 0) == 0) return "lacks its element size";
  return std::nullopt;
}

std::unique_ptr<Stage> make_shuffle_stage(const hdf5::Filter& filter) {
  return std::make_unique<ShuffleStage>(value_of(filter, 0));
}

}  // namespace h5flume::chunks
