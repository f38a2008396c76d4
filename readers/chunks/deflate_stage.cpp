#define ZLIB_CONST  // or zlib takes input as bytes that it may write
#include <libdeflate.h>
#include <zlib.h>

#include <limits>
#include <new>

#include "core/error.h"
#include "readers/chunks/stage_internal.h"

namespace h5flume::chunks {
namespace {

constexpr char kGzip[] = "gzip";

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* decompressor) const noexcept {
    libdeflate_free_decompressor(decompressor);
  }
};

// zlib's decoder, for data whose decoded size nobody knows.
class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) {
    inflateReset(&stream_);
    stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    std::size_t written = 0;
    return decode_growing(output, 4 * in.size(), kGzip,
                          [&](std::span<std::byte> room) -> std::optional<std::size_t> {
                            written += inflate_into(room.subspan(written));
                            if (ended_) return written;
                            if (written < room.size()) corrupt("gzip: the data ends early");
                            return std::nullopt;
                          });
  }

 private:
  std::size_t inflate_into(std::span<std::byte> room) {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(std::min(room.size(), kMost));
    const int status = inflate(&stream_, Z_SYNC_FLUSH);
    ended_ = status == Z_STREAM_END;
    if (!ended_ && status != Z_OK && status != Z_BUF_ERROR) corrupt("gzip: the data is damaged");
    return static_cast<std::size_t>(reinterpret_cast<std::byte*>(stream_.next_out) - room.data());
  }

  z_stream stream_ = {};
  bool ended_ = false;
};

class DeflateStage final : public Stage {
 public:
  DeflateStage() : decompressor_(libdeflate_alloc_decompressor()) {
    if (!decompressor_) throw std::bad_alloc();
  }

  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    if (in.size() > std::numeric_limits<uInt>::max()) corrupt("gzip: the data is too long");
    if (!output.exact_bytes()) {
      if (!inflater_) inflater_ = std::make_unique<Inflater>();
      return inflater_->decode(in, output);
    }
    const auto out = output.room(*output.exact_bytes(), kGzip);
    // Like libhdf5, nothing is said about bytes behind the end of the compressed data.
    switch (libdeflate_zlib_decompress(decompressor_.get(), in.data(), in.size(), out.data(),
                                       out.size(), nullptr)) {
      case LIBDEFLATE_SUCCESS:
        return out;
      case LIBDEFLATE_SHORT_OUTPUT:
        corrupt("gzip: the data is too short");
      case LIBDEFLATE_INSUFFICIENT_SPACE:
        corrupt("gzip: the data is too long");
      default:
        corrupt("gzip: the data is damaged or ends early");
    }
  }

 private:
  std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace

// The level says how data was compressed; libhdf5 wants to know it for undoing that, too.
std::optional<std::string> deflate_problem(const hdf5::Filter& filter) {
  constexpr std::uint32_t kHighestLevel = 9;
  if (filter.values.size() == 1 && filter.values[0] <= kHighestLevel) return std::nullopt;
  return "has no level from 0 to 9";
}

std::unique_ptr<Stage> make_deflate_stage() { return std::make_unique<DeflateStage>(); }

}  // namespace h5flume::chunks
