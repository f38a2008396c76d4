#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace h5flume::shared {

// A whole segment, mapped once in a process however many dicts use it: threads then meet at the
// same addresses, which costs less memory and lets ThreadSanitizer see what they do.
//
// Lifetime: mapped until the last owner is gone, whatever becomes of the file's name.
// Threads: a plain range of memory; what lies in it has to be safe by itself.
class SegmentMapping {
 public:
  // The segment of an open file, which may be closed afterwards. `bytes` is its size.
  static std::shared_ptr<SegmentMapping> of(int descriptor, std::size_t bytes,
                                            const std::string& operation);

  SegmentMapping(std::byte* address, std::size_t size) noexcept : bytes_(address, size) {}
  SegmentMapping(const SegmentMapping&) = delete;
  SegmentMapping& operator=(const SegmentMapping&) = delete;
  ~SegmentMapping();

  std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace h5flume::shared
