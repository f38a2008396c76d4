#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/element_pick.h"
#include "core/list_view.h"
#include "core/resolved_selection.h"
#include "readers/hdf5/dataset.h"
#include "readers/random/box_plan_internal.h"
#include "readers/random/copy_layout_internal.h"
#include "readers/random/list_collector_internal.h"

namespace h5flume {

/// How a dataset that libhdf5 reads is cut into boxes: its chunks, several of them where they are
/// small; else about a mebibyte, of whole rows if they are not longer than that.
///
/// Boxes follow each other in the order in which libhdf5's own cache keeps a chunk of which more is
/// wanted, and a chunk with filters is never cut; but elements of variable length are read some
/// hundreds at a time, for all of a box are read where only the first and the last are wanted.
std::vector<std::uint64_t> library_box(const hdf5::DatasetInfo& info);

/// Reads selections of a dataset by libhdf5: of each box the smallest part that has all that is
/// wanted of it, which is then copied to where it goes.
///
/// Memory: that of one box; for elements of variable length, whose place is known when all are
/// read, that of the result besides. Lifetime: `dataset` must outlive it. Threads: one at a time.
class SelectionReader {
 public:
  explicit SelectionReader(hdf5::Dataset& dataset);

  /// Called between boxes: whether to go on.
  using MayGoOn = std::function<bool()>;

  /// Reads what `pick` takes of the elements of `selection`, which fits the dataset and has the
  /// axes of `pick` as its last, into the beginning of `out`. Stops early when told to.
  ///
  /// Returns the bytes that the result has. Of elements of variable length they may be more than
  /// `out` has: then the result has at least so many, and nothing is in `out`.
  ///
  /// Throws as hdf5::Dataset::read_box(), with a message that is a cause and names the box;
  /// kInvalidArgument if a result of known size does not fit into `out`, kOutOfMemory.
  std::uint64_t read(const ResolvedSelection& selection, const ElementPick& pick,
                     std::span<std::byte> out, const MayGoOn& may_go_on);

 private:
  template <class TakePart>
  void for_each_part(const ResolvedSelection& selection, const ElementPick& pick,
                     const MayGoOn& may_go_on, TakePart take_part);
  void read_part(const BoxPart& part, CopyLayout& layout, std::span<std::byte> out);
  std::uint64_t read_lists(const ResolvedSelection& selection, std::span<std::byte> out,
                           const MayGoOn& may_go_on);
  void collect_part(const BoxPart& part, CopyLayout& layout, std::size_t most_bytes,
                    ListCollector& lists);
  void move_to(const std::vector<std::uint64_t>& start, const std::vector<std::uint64_t>& extent,
               std::uint64_t place);
  std::uint64_t narrow(const BoxPart& part, CopyLayout& layout, std::uint64_t element_bytes);
  std::optional<ListLayout> read_box_of_lists(std::uint64_t element_count, std::size_t most_bytes);
  template <class Read>
  void call(Read read) const;

  hdf5::Dataset& dataset_;
  std::vector<std::uint64_t> box_;
  std::vector<std::uint64_t> grid_;

  // Of the part that is being read, kept so that their memory is used again.
  std::vector<std::uint64_t> start_;
  std::vector<std::uint64_t> extent_;
  std::vector<std::byte> elements_;
};

}  // namespace h5flume
