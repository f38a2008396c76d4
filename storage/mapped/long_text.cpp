#include "storage/mapped/long_text.h"

#include <lz4.h>

#include <vector>

#include "core/error.h"

namespace h5flume::mapped {
namespace {

constexpr std::size_t kLeastCompressed = 256;  // shorter ones hardly ever gain
constexpr std::size_t kMostCompressed = std::size_t{1} << 30U;
constexpr std::uint64_t kCompressedTag = std::uint64_t{0x81} << 56U;
constexpr std::uint64_t kMostRatio = 255;  // of an LZ4 block

// The u64 size and the block, or nothing if that is no gain.
std::vector<std::byte> compressed(std::string_view text) {
  if (text.size() < kLeastCompressed || text.size() > kMostCompressed) return {};
  const std::size_t worthwhile = text.size() / 3 * 2;
  std::vector<std::byte> packed(worthwhile);
  const int size = LZ4_compress_default(
      text.data(), reinterpret_cast<char*>(packed.data() + sizeof(std::uint64_t)),
      static_cast<int>(text.size()), static_cast<int>(worthwhile - sizeof(std::uint64_t)));
  if (size <= 0) return {};
  store(packed.data(), std::uint64_t{text.size()});
  packed.resize(sizeof(std::uint64_t) + static_cast<std::size_t>(size));
  return packed;
}

}  // namespace

std::string LongTextView::str() const {
  if (!compressed_) return std::string(as_text(stored_));
  if (stored_.size() < sizeof(std::uint64_t)) region_.throw_corrupt("a text is cut short");
  const auto size = load<std::uint64_t>(stored_.data());
  const auto block = stored_.subspan(sizeof size);
  if (size > kMostCompressed || block.size() > kMostCompressed ||
      size / kMostRatio > block.size()) {
    region_.throw_corrupt("a compressed text is too large");
  }
  std::string text(size, '\0');
  const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()), text.data(),
                                       static_cast<int>(block.size()), static_cast<int>(size));
  if (made < 0 || static_cast<std::uint64_t>(made) != size) {
    region_.throw_corrupt("a compressed text cannot be decompressed");
  }
  return text;
}

void Codec<LongText>::write(Packer& packer, std::byte* slot, const LongText& value) {
  if (!is_utf8(as_raw(value.text))) {
    throw Error(ErrorCode::kInvalidArgument, "pack a text: it is not UTF-8; store it as bytes");
  }
  const auto block = compressed(value.text);
  if (block.empty()) return write_bytes(packer, slot, as_raw(value.text));
  store(slot, packer.append(block));
  store(slot + 8, std::uint64_t{block.size()} | kCompressedTag);
}

LongTextView Codec<LongText>::read(const Region& region, const std::byte* slot, const Plan&) {
  const auto tagged = load<std::uint64_t>(slot + 8);
  if ((tagged & ~kMostOutside) != kCompressedTag) return {region, read_bytes(region, slot), false};
  const std::uint64_t size = tagged & kMostOutside;
  return {region, {region.at(load<std::uint64_t>(slot), size), size}, true};
}

}  // namespace h5flume::mapped
