#pragma once

#include "core/block_ring.h"
#include "readers/chunks/row_reader.h"
#include "readers/stream/block_plan.h"

namespace h5flume {

/// A worker's work, in a process or a thread: fills one slot after the other with the rows that the
/// plan says, until the ring is stopped. An error of a block goes into that block's slot.
void fill_blocks(BlockRing& ring, WorkerId worker, const BlockPlan& plan, RowReader& reader);

}  // namespace h5flume
