#pragma once

#include <memory>

#include "readers/chunks/row_reader.h"
#include "readers/stream/block_queue.h"
#include "readers/stream/stream_options.h"

namespace h5flume {

/// Streams a dataset by worker threads that read with clones of `reader`, whole rows directly.
/// Throws as Streamer::queue() does.
BlockQueue stream_by(std::shared_ptr<const RowReader> reader, StreamOptions options);

}  // namespace h5flume
