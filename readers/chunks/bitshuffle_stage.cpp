#include <fmt/format.h>

#include <cstring>

#include "readers/chunks/bit_transpose_internal.h"
#include "readers/chunks/byte_order_internal.h"
#include "readers/chunks/lz4_block_internal.h"
#include "readers/chunks/shuffle_internal.h"
#include "readers/chunks/stage_internal.h"
#include "readers/chunks/zstd_decoder_internal.h"

namespace h5flume::chunks {
namespace {

enum Compression : std::uint32_t { kNone = 0, kLz4 = 2, kZstd = 3 };

// bitshuffle's own choice, which is part of its format.
std::size_t default_block_elements(std::size_t element_bytes) {
  return std::max<std::size_t>(8192 / element_bytes / 8 * 8, 128);
}

// Elements are transposed bit by bit in blocks; a block holds bit 0 of all its elements, then bit 1
// of all and so on. The last block is shorter, and up to 7 elements after it stay as they are.
//
// With compression, all numbers being big-endian:
//   u64 decoded bytes, u32 bytes of a block, then per block u32 stored bytes and as many bytes.
class BitshuffleStage final : public Stage {
 public:
  explicit BitshuffleStage(const hdf5::Filter& filter)
      : element_bytes_(value_of(filter, 2)),
        block_elements_(value_of(filter, 3) != 0 ? value_of(filter, 3)
                                                 : default_block_elements(element_bytes_)),
        compression_(static_cast<Compression>(value_of(filter, 4))) {
    if (compression_ == kZstd) zstd_ = std::make_unique<ZstdDecoder>();
  }

  std::optional<std::size_t> input_bytes(std::size_t output_bytes) const override {
    if (compression_ == kNone) return output_bytes;
    return std::nullopt;
  }

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    std::size_t decoded_bytes = in.size();
    std::size_t block_elements = block_elements_;
    if (compression_ != kNone) {
      constexpr std::size_t kHeaderBytes = 12;
      if (in.size() < kHeaderBytes) corrupt("bitshuffle: the data ends early");
      decoded_bytes = load_be64(in.data());
      block_elements = load_be32(in.data() + 8) / element_bytes_;
      in = in.subspan(kHeaderBytes);
    }
    if (block_elements == 0 || block_elements % 8 != 0) {
      corrupt(fmt::format("bitshuffle: blocks of {} elements", block_elements));
    }
    const auto out = output.room(decoded_bytes, "bitshuffle");
    if (out.size() % element_bytes_ != 0) {
      corrupt("bitshuffle: the data is no whole number of elements");
    }

    auto rest = out;
    for (std::size_t elements = out.size() / element_bytes_; elements >= 8;) {
      const std::size_t count = std::min(block_elements, elements / 8 * 8);
      const auto block = rest.first(count * element_bytes_);
      restore(next_bits(in, block.size()), count, block);
      rest = rest.subspan(block.size());
      elements -= count;
    }
    if (in.size() < rest.size()) corrupt("bitshuffle: the data ends early");
    if (!rest.empty()) std::memcpy(rest.data(), in.data(), rest.size());
    return out;
  }

 private:
  // Takes the next block from `in` and decompresses it to `block_bytes`.
  std::span<const std::byte> next_bits(std::span<const std::byte>& in, std::size_t block_bytes) {
    if (compression_ == kNone) return take(in, block_bytes);
    const std::size_t stored_bytes = load_be32(take(in, 4).data());
    const auto stored = take(in, stored_bytes);
    const auto bits = bits_.room(block_bytes);
    const bool decoded = compression_ == kLz4 ? decode_lz4_block(stored, bits)
                                              : zstd_->decode(stored, bits) == bits.size();
    if (!decoded) corrupt("bitshuffle: the compressed data is damaged");
    return bits;
  }

  static std::span<const std::byte> take(std::span<const std::byte>& in, std::size_t bytes) {
    if (in.size() < bytes) corrupt("bitshuffle: the data ends early");
    const auto taken = in.first(bytes);
    in = in.subspan(bytes);
    return taken;
  }

  // The bits of byte j of all elements lie together: turned into bytes, they are what the shuffle
  // filter makes of the elements.
  void restore(std::span<const std::byte> bits, std::size_t count, std::span<std::byte> block) {
    if (element_bytes_ == 1) return transpose_bit_rows(bits.data(), count / 8, block.data());
    const auto shuffled = shuffled_.room(block.size());
    for (std::size_t at = 0; at < block.size(); at += count) {
      transpose_bit_rows(bits.data() + at, count / 8, shuffled.data() + at);
    }
    unshuffle(shuffled, element_bytes_, block.data());
  }

  std::size_t element_bytes_;
  std::size_t block_elements_;
  Compression compression_;
  std::unique_ptr<ZstdDecoder> zstd_;
  Scratch bits_;      // of one block, decompressed
  Scratch shuffled_;  // of one block, bits put back into bytes
};

}  // namespace

std::optional<std::string> bitshuffle_problem(const hdf5::Filter& filter) {
  if (value_of(filter, 2) == 0) return "lacks its element size";
  if (value_of(filter, 3) % 8 != 0) {
    return fmt::format("has blocks of {} elements, no multiple of 8", value_of(filter, 3));
  }
  const std::uint32_t compression = value_of(filter, 4);
  if (compression != kNone && compression != kLz4 && compression != kZstd) {
    return fmt::format("compresses by method {}, which has no decoder here", compression);
  }
  return std::nullopt;
}

std::unique_ptr<Stage> make_bitshuffle_stage(const hdf5::Filter& filter) {
  return std::make_unique<BitshuffleStage>(filter);
}

}  // namespace h5flume::chunks
