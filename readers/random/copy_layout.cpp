#include "readers/random/copy_layout_internal.h"

namespace h5flume {
namespace {

// A copy of a size that the compiler knows is one instruction.
template <std::size_t kBytes>
void copy_units_of(const std::byte* box, const BoxPart& part, const CopyLayout& layout,
                   std::byte* result) {
  for_each_run(part, layout, [&](std::uint64_t from, std::uint64_t to, std::uint64_t units) {
    if (units == 1) {
      std::memcpy(result + to, box + from, kBytes);
    } else {
      std::memcpy(result + to, box + from, units * kBytes);
    }
  });
}

}  // namespace

CopyLayout::CopyLayout(const ElementPick& pick, const ResolvedSelection& selection,
                       const std::vector<std::uint64_t>& box)
    : from_strides(box.size()), to_strides(box.size()), to_bytes(pick.type.size) {
  const std::size_t dataset_axes = box.size() - pick.axes.size();
  std::uint64_t stride = pick.type.size;
  for (std::size_t axis = box.size(); axis-- > 0;) {
    if (axis + 1 == dataset_axes) stride = pick.element_bytes;
    from_strides[axis] = stride;
    stride *= box[axis];
  }
  stride = to_bytes;
  for (std::size_t axis = box.size(); axis-- > 0;) {
    to_strides[axis] = stride;
    stride *= selection.axes[axis].count();
  }
  if (pick.pieces.size() == 1) {
    from_bytes = to_bytes;
    from_offset = pick.pieces[0].from;
  } else {
    from_bytes = pick.element_bytes;
    pieces = pick.pieces;
  }
}

CopyLayout CopyLayout::of_one_element(std::size_t element_axes) const {
  CopyLayout one = *this;
  for (std::size_t axis = 0; axis + element_axes < from_strides.size(); ++axis) {
    one.from_strides[axis] = 0;
  }
  return one;
}

void copy_part(const std::byte* box, const BoxPart& part, const CopyLayout& layout,
               std::byte* result) {
  if (layout.pieces.empty()) {
    switch (layout.to_bytes) {
      case 1:
        return copy_units_of<1>(box, part, layout, result);
      case 2:
        return copy_units_of<2>(box, part, layout, result);
      case 4:
        return copy_units_of<4>(box, part, layout, result);
      case 8:
        return copy_units_of<8>(box, part, layout, result);
      default:
        break;
    }
  }
  for_each_run(part, layout, [&](std::uint64_t from, std::uint64_t to, std::uint64_t units) {
    layout.copy(box + from, result + to, units);
  });
}

}  // namespace h5flume
