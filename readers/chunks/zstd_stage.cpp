#include <zstd_errors.h>

#include <new>

#include "readers/chunks/stage_internal.h"
#include "readers/chunks/zstd_decoder_internal.h"

namespace h5flume::chunks {
namespace {

class ZstdStage final : public Stage {
 public:
  std::span<const std::byte> decode(std::span<const std::byte> in, StageOutput& output) override {
    const auto decoded =
        decode_growing(output, first_guess(in, output.limit_bytes()), "zstd",
                       [&](std::span<std::byte> room) -> std::optional<std::size_t> {
                         const std::size_t result = decoder_.decode(in, room);
                         if (ZSTD_isError(result) == 0) return result;
                         if (ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall) {
                           return std::nullopt;
                         }
                         corrupt("zstd: the data is damaged or ends early");
                       });
    if (output.exact_bytes() && decoded.size() != *output.exact_bytes()) {
      corrupt("zstd: the data is too short");
    }
    return decoded;
  }

 private:
  // What the first frame says of itself, if it says anything. More than one frame is rare.
  static std::size_t first_guess(std::span<const std::byte> in, std::size_t limit_bytes) {
    const unsigned long long stated = ZSTD_getFrameContentSize(in.data(), in.size());
    return stated <= limit_bytes ? static_cast<std::size_t>(stated) : 4 * in.size();
  }

  ZstdDecoder decoder_;
};

}  // namespace

ZstdDecoder::ZstdDecoder() : context_(ZSTD_createDCtx()) {
  if (!context_) throw std::bad_alloc();
}

std::unique_ptr<Stage> make_zstd_stage() { return std::make_unique<ZstdStage>(); }

}  // namespace h5flume::chunks
