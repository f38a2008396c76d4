#pragma once

#include <optional>
#include <span>

#include "core/block_ring.h"
#include "readers/chunks/row_reader.h"
#include "readers/stream/block_plan.h"
#include "readers/stream/row_filter.h"

namespace h5flume {

/// A worker's work, in a process or a thread: fills one slot after the other with the rows that the
/// plan says, those that `filter` leaves if there is one, until the ring is stopped. An error of a
/// block goes into that block's slot.
void fill_blocks(BlockRing& ring, WorkerId worker, const BlockPlan& plan,
                 std::optional<RowFilter>& filter, RowReader& reader);

/// As fill_blocks(), with a thread for each worker: the calling one for the first, and as many of
/// the others as can be had, with copies of the filter and clones of the reader.
void fill_blocks_on_threads(const BlockRing& ring, std::span<const WorkerId> workers,
                            const BlockPlan& plan, std::optional<RowFilter> filter,
                            RowReader& reader);

}  // namespace h5flume
