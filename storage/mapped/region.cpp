#include "storage/mapped/region.h"

#include <fmt/format.h>

#include "core/error.h"

namespace h5flume::mapped {

void Region::throw_corrupt(const std::string& cause) const {
  throw Error(ErrorCode::kCorruptData, fmt::format("read {}: {}", *name_, cause));
}

void Region::throw_outside(std::uint64_t offset, std::uint64_t size) const {
  throw_corrupt(
      fmt::format("a value of {} bytes at offset {} lies outside of the {} bytes there are", size,
                  offset, size_));
}

}  // namespace h5flume::mapped
