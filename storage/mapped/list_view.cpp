#include "storage/mapped/list_view.h"

#include "core/error.h"

namespace h5flume::mapped {

ResolvedSlice resolve(const Slice& slice, std::uint64_t size) {
  if (slice.step == 0) throw Error(ErrorCode::kInvalidArgument, "slice a list: the step is zero");
  const auto length = static_cast<std::int64_t>(size);
  const bool forwards = slice.step > 0;
  // The places that a bound may name: 0 to length forwards, -1 to length - 1 backwards.
  const std::int64_t least = forwards ? 0 : -1;
  const std::int64_t most = forwards ? length : length - 1;
  const auto bound = [&](const std::optional<std::int64_t>& given, std::int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + length : *given, least, most);
  };
  const std::int64_t first = bound(slice.start, forwards ? least : most);
  const std::int64_t last = bound(slice.stop, forwards ? most : least);
  const std::int64_t distance = forwards ? last - first : first - last;
  if (distance <= 0) return {first, slice.step, 0};
  const auto stride =
      forwards ? static_cast<std::uint64_t>(slice.step) : -static_cast<std::uint64_t>(slice.step);
  return {first, slice.step, (static_cast<std::uint64_t>(distance) - 1) / stride + 1};
}

}  // namespace h5flume::mapped
