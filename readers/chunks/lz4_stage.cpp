#include <lz4.h>

#include <cstring>
#include <limits>

#include "readers/chunks/byte_order_internal.h"
#include "readers/chunks/lz4_block_internal.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

// The framing of the registered HDF5 filter, all numbers big-endian:
//   u64 decoded bytes, u32 bytes of a block, then per block u32 stored bytes and as many bytes.
// A block as long as what it decodes to is not compressed.
class Lz4Stage final : public Stage {
 public:
  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    constexpr std::size_t kHeaderBytes = 12;
    if (in.size() < kHeaderBytes) corrupt("lz4: the data ends early");
    const auto out = output.room(load_be64(in.data()), "lz4");
    const std::size_t block_bytes = load_be32(in.data() + 8);
    if (block_bytes == 0 && !out.empty()) corrupt("lz4: blocks of 0 bytes");

    in = in.subspan(kHeaderBytes);
    for (auto rest = out; !rest.empty();) {
      const auto block = rest.first(std::min(block_bytes, rest.size()));
      in = in.subspan(decode_block(in, block));
      rest = rest.subspan(block.size());
    }
    return out;
  }

 private:
  // Returns how much of `in` the block was.
  static std::size_t decode_block(std::span<const std::byte> in, std::span<std::byte> block) {
    constexpr std::size_t kSizeBytes = 4;
    if (in.size() < kSizeBytes) corrupt("lz4: the data ends early");
    const std::size_t stored_bytes = load_be32(in.data());
    if (stored_bytes > in.size() - kSizeBytes) corrupt("lz4: the data ends early");
    const auto stored = in.subspan(kSizeBytes, stored_bytes);
    if (stored_bytes == block.size()) {
      std::memcpy(block.data(), stored.data(), block.size());
    } else if (!decode_lz4_block(stored, block)) {
      corrupt("lz4: the data is damaged");
    }
    return kSizeBytes + stored_bytes;
  }
};

}  // namespace

bool decode_lz4_block(std::span<const std::byte> in, std::span<std::byte> out) noexcept {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  if (in.empty() || in.size() > kMost || out.size() > kMost) return false;
  const int written = LZ4_decompress_safe(as_chars(in), as_chars(out), static_cast<int>(in.size()),
                                          static_cast<int>(out.size()));
  return written >= 0 && static_cast<std::size_t>(written) == out.size();
}

std::unique_ptr<Stage> make_lz4_stage() { return std::make_unique<Lz4Stage>(); }

}  // namespace h5flume::chunks
