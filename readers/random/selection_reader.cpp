#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"
#include "core/list_writer.h"
#include "core/saturating.h"
#include "core/test_point.h"
#include "readers/random/selection_reader_internal.h"

namespace h5flume {
namespace {

// So much is read and converted in one call: more would cost memory and save nothing.
constexpr std::uint64_t kBoxBytes = 1 << 20;

// Larger ones of elements of variable length only where the result may be that large, too.
constexpr std::size_t kLargestBoxOfLists = 4 << 20;

// A call costs as much as decoding so much.
constexpr std::uint64_t kSmallBoxBytes = 64 << 10;

// Of variable length, at most: a few hundred of them cost more than the call that reads them.
constexpr std::uint64_t kListsAtOnce = 512;

// Of elements of variable length what they may take, as far as that is known.
std::uint64_t element_bytes(const hdf5::DatasetInfo& info) noexcept {
  if (!info.type.is_variable_length()) return std::max<std::uint64_t>(1, info.type.size);
  return std::max(kBoxBytes / kListsAtOnce, info.mean_value_bytes_at_most);
}

std::uint64_t bytes_of(const hdf5::DatasetInfo& info, std::span<const std::uint64_t> box) noexcept {
  std::uint64_t bytes = element_bytes(info);
  for (const std::uint64_t extent : box) bytes = saturating_product(bytes, extent);
  return bytes;
}

// Whole rows, or as many of the last axes as fit, and of the one before them a part.
std::vector<std::uint64_t> rows_first(const hdf5::DatasetInfo& info) {
  std::vector<std::uint64_t> box(info.shape.size(), 1);
  for (std::size_t axis = box.size(); axis-- > 0;) {
    const std::uint64_t most = std::max<std::uint64_t>(1, kBoxBytes / bytes_of(info, box));
    box[axis] = std::clamp<std::uint64_t>(info.shape[axis], 1, most);
    if (box[axis] < info.shape[axis]) break;
  }
  return box;
}

// Several small chunks together, side by side along the last axes.
std::vector<std::uint64_t> several_chunks(const hdf5::DatasetInfo& info) {
  std::vector<std::uint64_t> box = info.chunk;
  for (std::size_t axis = box.size(); axis-- > 0;) {
    const std::uint64_t most = kSmallBoxBytes / bytes_of(info, box);
    if (most <= 1) break;
    const std::uint64_t chunks = (info.shape[axis] + box[axis] - 1) / box[axis];
    box[axis] *= std::clamp<std::uint64_t>(chunks, 1, most);
    if (chunks > most) break;
  }
  return box;
}

// To copy places, which are then counted, instead of elements.
ElementPick pick_of_places() {
  ElementPick pick;
  pick.type.size = 1;
  pick.element_bytes = 1;
  pick.pieces.push_back({0, 0, 1});
  return pick;
}

std::uint64_t selected_elements(const std::vector<ResolvedAxis>& axes) noexcept {
  std::uint64_t elements = 1;
  for (const ResolvedAxis& axis : axes) elements = saturating_product(elements, axis.count());
  return elements;
}

}  // namespace

std::vector<std::uint64_t> library_box(const hdf5::DatasetInfo& info) {
  if (info.layout != hdf5::Layout::kChunked) return rows_first(info);
  if (info.type.is_variable_length()) return rows_first(info);
  if (info.filters.empty() && bytes_of(info, info.chunk) > kBoxBytes) return rows_first(info);
  return several_chunks(info);
}

SelectionReader::SelectionReader(hdf5::Dataset& dataset)
    : dataset_(dataset), box_(library_box(dataset.info())), grid_(box_.size()) {
  for (std::size_t axis = 0; axis < box_.size(); ++axis) {
    grid_[axis] = (dataset.info().shape[axis] + box_[axis] - 1) / box_[axis];
  }
}

std::uint64_t SelectionReader::read(const ResolvedSelection& selection, const ElementPick& pick,
                                    std::span<std::byte> out, const MayGoOn& may_go_on) try {
  const std::uint64_t bytes = saturating_product(selected_elements(selection.axes), pick.type.size);
  if (selection.axes.size() != box_.size() + pick.axes.size() || bytes > out.size()) {
    throw Error(ErrorCode::kInvalidArgument, "the selection is of another dataset");
  }
  if (pick.type.is_variable_length()) return read_lists(selection, out, may_go_on);
  for_each_part(selection, pick, may_go_on,
                [&](const BoxPart& part, CopyLayout& layout) { read_part(part, layout, out); });
  return bytes;
} catch (const std::bad_alloc&) {
  throw Error(ErrorCode::kOutOfMemory, "there is no memory left");
}

template <class TakePart>
void SelectionReader::for_each_part(const ResolvedSelection& selection, const ElementPick& pick,
                                    const MayGoOn& may_go_on, TakePart take_part) {
  auto box = box_;
  box.insert(box.end(), pick.axes.begin(), pick.axes.end());
  auto grid = grid_;
  grid.resize(box.size(), 1);
  const BoxPlan plan(selection, box, grid);
  CopyLayout layout(pick, selection, box);
  BoxPart part;
  for (std::uint64_t number = 0; number < plan.size() && may_go_on(); ++number) {
    plan.get(number, part);
    test_point("select.box", part.box);
    const std::size_t from_offset = layout.from_offset;
    take_part(part, layout);
    layout.from_offset = from_offset;
  }
}

void SelectionReader::read_part(const BoxPart& part, CopyLayout& layout, std::span<std::byte> out) {
  const std::size_t element_bytes = dataset_.info().type.size;
  const std::size_t bytes = narrow(part, layout, element_bytes) * element_bytes;
  if (elements_.size() < bytes) elements_.resize(bytes);
  call([&] { dataset_.read_box(start_, extent_, std::span(elements_).first(bytes)); });
  copy_part(elements_.data(), part, layout, out.data());
}

std::uint64_t SelectionReader::read_lists(const ResolvedSelection& selection,
                                          std::span<std::byte> out, const MayGoOn& may_go_on) {
  const ElementPick places = pick_of_places();
  ListCollector lists(selected_elements(selection.axes), dataset_.info().type.value_size(),
                      out.size());
  const auto most_bytes = std::max<std::size_t>(out.size(), kLargestBoxOfLists);
  for_each_part(
      selection, places, [&] { return lists.fits() && may_go_on(); },
      [&](const BoxPart& part, CopyLayout& layout) {
        collect_part(part, layout, most_bytes, lists);
      });
  if (lists.fits()) lists.write(out);
  return lists.needed_bytes();
}

// What does not fit may be something large that is not even selected: then one by one.
void SelectionReader::collect_part(const BoxPart& part, CopyLayout& layout, std::size_t most_bytes,
                                   ListCollector& lists) {
  const std::uint64_t count = narrow(part, layout, 1);
  const auto box = read_box_of_lists(count, most_bytes);
  const auto start = start_;
  const auto extent = extent_;
  for_each_run(part, layout, [&](std::uint64_t from, std::uint64_t to, std::uint64_t units) {
    for (; units > 0 && lists.fits(); --units, ++from, ++to) {
      if (box) {
        lists.put(to, box->element(from));
        continue;
      }
      move_to(start, extent, from);
      const auto alone = read_box_of_lists(1, most_bytes);
      alone ? lists.put(to, alone->element(0)) : lists.give_up(most_bytes);
    }
  });
}

// Narrows further to one element, whose place in the box [start, start + extent) is given.
void SelectionReader::move_to(const std::vector<std::uint64_t>& start,
                              const std::vector<std::uint64_t>& extent, std::uint64_t place) {
  for (std::size_t axis = start.size(); axis-- > 0; place /= extent[axis]) {
    start_[axis] = start[axis] + place % extent[axis];
    extent_[axis] = 1;
  }
}

// The elements of the narrowed box, until the next are read; nothing if they take more.
std::optional<ListLayout> SelectionReader::read_box_of_lists(std::uint64_t element_count,
                                                             std::size_t most_bytes) {
  const std::size_t value_bytes = dataset_.info().type.value_size();
  for (;;) {
    ListWriter writer(elements_, element_count, value_bytes);
    call([&] { dataset_.append_box(start_, extent_, writer); });
    if (writer.fits()) {
      return ListLayout(nullptr, std::span(elements_).first(writer.needed_bytes()), element_count,
                        value_bytes);
    }
    if (writer.needed_bytes() > most_bytes) return std::nullopt;
    const std::size_t more = std::max({writer.needed_bytes(), 2 * elements_.size(), kBoxBytes});
    elements_.clear();  // nothing of it is worth copying
    elements_.resize(std::min(more, most_bytes));
  }
}

// Its errors are causes that name what of the dataset was read.
template <class Read>
void SelectionReader::call(Read read) const {
  try {
    read();
  } catch (const Error& error) {
    const std::string prefix =
        fmt::format("read {}: ", hdf5::name_of_box(dataset_.info(), start_, extent_));
    const std::string message = error.what();
    throw Error(error.code(),
                message.starts_with(prefix) ? message.substr(prefix.size()) : message);
  }
}

// Finds the smallest box that has all of the part, and where its elements lie in the layout.
// Returns how many they are.
std::uint64_t SelectionReader::narrow(const BoxPart& part, CopyLayout& layout,
                                      std::uint64_t element_bytes) {
  start_.resize(box_.size());
  extent_.resize(box_.size());
  std::uint64_t elements = 1;
  for (std::size_t axis = box_.size(); axis-- > 0;) {
    const AxisPart& places = part.axes[axis];
    const auto [first, last] =
        std::minmax({places.at(0).in_box, places.at(places.count - 1).in_box});
    start_[axis] = places.box * box_[axis] + first;
    extent_[axis] = last - first + 1;
    layout.from_strides[axis] = elements * element_bytes;
    // Modulo 2^64: every place of the part lies behind those that are skipped.
    layout.from_offset -= first * layout.from_strides[axis];
    elements *= extent_[axis];
  }
  return elements;
}

}  // namespace h5flume
