#include "storage/mapped/nd_array.h"

#include "core/error.h"

namespace h5flume::mapped {

std::uint64_t element_count(const std::vector<std::uint64_t>& shape) {
  std::uint64_t count = 1;
  bool fits = true;
  for (const auto axis : shape) fits &= !__builtin_mul_overflow(count, axis, &count);
  if (!fits) throw Error(ErrorCode::kInvalidArgument, "an n-d array has more than 2^64 values");
  return count;
}

}  // namespace h5flume::mapped
