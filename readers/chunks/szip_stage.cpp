#include <fmt/format.h>
#include <libaec.h>

#include <cstring>

#include "readers/chunks/byte_order_internal.h"
#include "readers/chunks/shuffle_internal.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

// The bits of szip's options mask that matter for decoding, by szlib.h. The others choose an
// encoder's ways or repeat what the format says anyway.
constexpr std::uint32_t kMostSignificantFirst = 16;
constexpr std::uint32_t kNearestNeighbour = 32;

// HDF5's szip chunks as libaec's szip interface reads them, but on libaec's own: that one does not
// say when the data ends early. A chunk is its decoded size (u32, little-endian) and one stream of
// pixels, in which
//   - pixels of 32 and 64 bits are shuffled bytes, as by the shuffle filter, coded as 8-bit pixels;
//   - every scanline is padded to whole blocks.
class SzipStage final : public Stage {
 public:
  explicit SzipStage(const hdf5::Filter& filter) {
    const std::uint32_t options = value_of(filter, 0);
    const std::size_t bits_per_pixel = value_of(filter, 2);
    block_pixels_ = value_of(filter, 1);
    line_pixels_ = value_of(filter, 3);
    shuffled_bytes_ = bits_per_pixel > 16 ? bits_per_pixel / 8 : 1;
    coded_bits_ = bits_per_pixel > 16 ? 8 : bits_per_pixel;
    if ((options & kMostSignificantFirst) != 0) flags_ |= AEC_DATA_MSB;
    if ((options & kNearestNeighbour) != 0) flags_ |= AEC_DATA_PREPROCESS;
  }

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    constexpr std::size_t kHeaderBytes = 4;
    if (in.size() < kHeaderBytes) corrupt("szip: the data ends early");
    const auto out = output.room(load_le32(in.data()), "szip");
    in = in.subspan(kHeaderBytes);
    const std::size_t coded_bytes = coded_bits_ > 8 ? 2 : 1;
    if (out.size() % (coded_bytes * shuffled_bytes_) != 0) {
      corrupt("szip: the data is no whole number of pixels");
    }

    const std::size_t line_blocks = (line_pixels_ + block_pixels_ - 1) / block_pixels_;
    const std::size_t line_bytes = line_pixels_ * coded_bytes;
    const std::size_t padded_line_bytes = line_blocks * block_pixels_ * coded_bytes;
    if (line_bytes == padded_line_bytes && shuffled_bytes_ == 1) {
      if (decode_pixels(in, out, line_blocks) != out.size()) corrupt("szip: the data ends early");
      return out;
    }

    const std::size_t lines = (out.size() + line_bytes - 1) / line_bytes;
    const auto padded = padded_.room(lines * padded_line_bytes);
    const std::size_t decoded = decode_pixels(in, padded, line_blocks);
    remove_padding(padded, line_bytes, padded_line_bytes);
    const std::size_t whole_lines = decoded / padded_line_bytes;
    const std::size_t there =
        whole_lines * line_bytes + std::min(decoded % padded_line_bytes, line_bytes);
    if (there < out.size()) corrupt("szip: the data ends early");
    unshuffle(padded.first(out.size()), shuffled_bytes_, out.data());
    return out;
  }

 private:
  std::size_t decode_pixels(std::span<const std::byte> in, std::span<std::byte> out,
                            std::size_t line_blocks) const {
    aec_stream stream = {};
    stream.next_in = reinterpret_cast<const unsigned char*>(in.data());
    stream.avail_in = in.size();
    stream.next_out = reinterpret_cast<unsigned char*>(out.data());
    stream.avail_out = out.size();
    stream.bits_per_sample = static_cast<unsigned>(coded_bits_);
    stream.block_size = static_cast<unsigned>(block_pixels_);
    stream.rsi = static_cast<unsigned>(line_blocks);
    stream.flags = flags_;
    if (aec_buffer_decode(&stream) != AEC_OK) corrupt("szip: the data is damaged");
    return stream.total_out;
  }

  static void remove_padding(std::span<std::byte> lines, std::size_t line_bytes,
                             std::size_t padded_line_bytes) {
    if (line_bytes == padded_line_bytes) return;
    std::byte* to = lines.data() + line_bytes;
    for (std::size_t from = padded_line_bytes; from < lines.size(); from += padded_line_bytes) {
      std::memmove(to, lines.data() + from, line_bytes);
      to += line_bytes;
    }
  }

  std::size_t block_pixels_ = 0;
  std::size_t line_pixels_ = 0;
  std::size_t shuffled_bytes_ = 1;
  std::size_t coded_bits_ = 0;
  unsigned flags_ = 0;
  Scratch padded_;
};

}  // namespace

std::optional<std::string> szip_problem(const hdf5::Filter& filter) {
  const std::uint32_t block = value_of(filter, 1);
  const std::uint32_t bits = value_of(filter, 2);
  const std::uint32_t line = value_of(filter, 3);
  if (block < 2 || block > 32 || block % 2 != 0)
    return fmt::format("has blocks of {} pixels", block);
  // Pixels of 17 to 24 bits are left to libhdf5: its szip libraries disagree on their size.
  if (bits == 0 || (bits > 16 && bits != 32 && bits != 64)) {
    return fmt::format("has pixels of {} bits, which have no decoder here", bits);
  }
  if (line < block || line > 128 * block) return fmt::format("has scanlines of {} pixels", line);
  return std::nullopt;
}

std::unique_ptr<Stage> make_szip_stage(const hdf5::Filter& filter) {
  return std::make_unique<SzipStage>(filter);
}

}  // namespace h5flume::chunks
