#pragma once

#include <string>
#include <string_view>

#include "storage/mapped/codec.h"

namespace h5flume {

/// A text that is compressed where that saves a third: for descriptions, logs, documents. Others
/// are better std::string, which is seen without a copy.
struct LongText {
  std::string text;

  bool operator==(const LongText&) const = default;
};

namespace mapped {

/// A stored LongText. Lifetime: borrows the container.
class LongTextView {
 public:
  LongTextView(const Region& region, std::span<const std::byte> stored, bool compressed)
      : region_(region), stored_(stored), compressed_(compressed) {}

  bool is_compressed() const noexcept { return compressed_; }
  std::uint64_t stored_bytes() const noexcept { return stored_.size(); }

  /// The text. Throws kCorruptData if it cannot be decompressed.
  std::string str() const;

 private:
  Region region_;
  std::span<const std::byte> stored_;
  bool compressed_;
};

/// A slot as that of a text; compressed ones have 0x81 in place of 0x80, and in the region a u64
/// size of the text and an LZ4 block.
template <>
struct Codec<LongText> {
  static constexpr std::size_t kBytes = kTextSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = LongTextView;

  static Type describe(SchemaBuilder&) { return {Kind::kLongText}; }
  static void write(Packer& packer, std::byte* slot, const LongText& value);
  static View read(const Region& region, const std::byte* slot, const Plan&);
  static LongText clone(Cloner& cloner, const View& view) {
    cloner.spend(view.stored_bytes() / 64);
    return {view.str()};
  }
};

}  // namespace mapped
}  // namespace h5flume
