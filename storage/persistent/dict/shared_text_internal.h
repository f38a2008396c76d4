#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace h5flume::persistent {

/// Text that does not change, shared by those who copy this; or none. It is one piece of memory,
/// where a shared std::string would be two: a dict makes and drops one for each value that is set.
///
/// Lifetime: what `*text` gives is good as long as any copy is. Threads: as std::shared_ptr.
class SharedText {
 public:
  SharedText() = default;
  explicit SharedText(std::string_view text) : size_(text.size()) {
    auto bytes = std::make_shared_for_overwrite<char[]>(size_);
    if (size_ > 0) std::memcpy(bytes.get(), text.data(), size_);
    bytes_ = std::move(bytes);
  }

  explicit operator bool() const noexcept { return bytes_ != nullptr; }
  std::string_view operator*() const noexcept { return {bytes_.get(), size_}; }

  /// The same text, or none both.
  bool operator==(const SharedText& other) const noexcept {
    return static_cast<bool>(*this) == static_cast<bool>(other) && **this == *other;
  }

 private:
  std::shared_ptr<const char[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace h5flume::persistent
