#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace h5flume::cli {

/// The SHA-256 of bytes that come in pieces; libcrypto's.
class Sha256 {
 public:
  Sha256();

  void update(std::span<const std::byte> bytes);

  /// The digest of everything so far, 64 hexadecimal digits. Ends it: no update() afterwards.
  std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace h5flume::cli
