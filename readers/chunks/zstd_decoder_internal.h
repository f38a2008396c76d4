#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>
#include <span>

namespace h5flume::chunks {

/// zstd's decoder with the memory that it keeps. One thread at a time.
class ZstdDecoder {
 public:
  ZstdDecoder();

  /// Decodes whole frames; a result for which ZSTD_isError() holds is an error.
  std::size_t decode(std::span<const std::byte> in, std::span<std::byte> out) noexcept {
    return ZSTD_decompressDCtx(context_.get(), out.data(), out.size(), in.data(), in.size());
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

}  // namespace h5flume::chunks
