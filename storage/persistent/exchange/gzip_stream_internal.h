#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace h5flume::persistent {

/// Whether bytes begin as every gzip file does (RFC 1952, 2.3.1).
inline bool is_gzip(std::string_view bytes) noexcept { return bytes.starts_with("\x1f\x8b"); }

/// Undoes gzip, piece by piece. Several gzip files one after the other count as one, as in gzip(1).
/// Threads: for one.
class GzipDecoder {
 public:
  GzipDecoder();

  /// Decodes all of `input` and appends to `output` what comes of it. Throws kCorruptData if
  /// it is no gzip or its checksum is wrong; what came before that has been appended.
  void decode(std::string_view input, std::string& output);

  /// Whether a gzip file may end here.
  bool complete() const noexcept { return complete_; }

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, End> stream_;
  bool complete_ = true;
};

/// Makes gzip, the same bytes from the same input always. Threads: for one.
class GzipEncoder {
 public:
  GzipEncoder();

  /// Appends to `output` what is ready of all that was given; with `last` all of it.
  void encode(std::string_view input, std::string& output, bool last);

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, End> stream_;
};

}  // namespace h5flume::persistent
