#include <zlib.h>

#include <array>

#include "core/error.h"
#include "storage/persistent/exchange/gzip_stream_internal.h"

namespace h5flume::persistent {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more asks for gzip's header and trailer
constexpr int kUsualMemory = 8;

[[noreturn]] void throw_no_memory() {
  throw Error(ErrorCode::kOutOfMemory, "gzip: there is no memory for it");
}

// zlib takes what is not const, and at most 4 GiB a call; callers give some hundred KiB.
void set_input(z_stream& stream, std::string_view input) noexcept {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
}

// Calls `step` with room for its output until it leaves some of it unused.
template <class Step>
void collect(z_stream& stream, std::string& output, const Step& step) {
  std::array<char, 65536> room;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    step();
    output.append(room.data(), room.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

}  // namespace

void GzipDecoder::End::operator()(z_stream* stream) const noexcept {
  ::inflateEnd(stream);
  delete stream;
}

GzipDecoder::GzipDecoder() : stream_(new z_stream{}) {
  if (::inflateInit2(stream_.get(), kGzipWindow) != Z_OK) throw_no_memory();
}

void GzipDecoder::decode(std::string_view input, std::string& output) {
  set_input(*stream_, input);
  while (stream_->avail_in > 0) {
    if (complete_) ::inflateReset(stream_.get());
    complete_ = false;
    int result = Z_OK;
    collect(*stream_, output, [&] { result = ::inflate(stream_.get(), Z_NO_FLUSH); });
    if (result == Z_MEM_ERROR) throw_no_memory();
    if (result == Z_STREAM_END) {
      complete_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      throw Error(ErrorCode::kCorruptData, std::string("its gzip is damaged: ") +
                                               (stream_->msg ? stream_->msg : "it makes no sense"));
    }
  }
}

void GzipEncoder::End::operator()(z_stream* stream) const noexcept {
  ::deflateEnd(stream);
  delete stream;
}

GzipEncoder::GzipEncoder() : stream_(new z_stream{}) {
  if (::deflateInit2(stream_.get(), Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kUsualMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    throw_no_memory();
  }
}

void GzipEncoder::encode(std::string_view input, std::string& output, bool last) {
  set_input(*stream_, input);
  collect(*stream_, output, [&] { ::deflate(stream_.get(), last ? Z_FINISH : Z_NO_FLUSH); });
}

}  // namespace h5flume::persistent
