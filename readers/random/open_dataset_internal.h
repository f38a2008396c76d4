#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "readers/random/box_run_internal.h"
#include "readers/random/engine_internal.h"
#include "readers/random/library_requests_internal.h"
#include "readers/random/stage_state_internal.h"
#include "readers/stream/block_queue.h"
#include "readers/stream/stream_options.h"

namespace h5flume {

/// A dataset that a Reader has opened, of one of two kinds: its boxes are read directly, or libhdf5
/// reads whole requests.
///
/// Threads: all members may be called by any at once.
class OpenDataset {
 public:
  OpenDataset(std::shared_ptr<RequestEngine> engine,
              std::shared_ptr<const chunks::DirectSource> source,
              std::shared_ptr<chunks::ChunkCache> cache);
  OpenDataset(std::shared_ptr<RequestEngine> engine, LibrarySource source);

  const hdf5::DatasetInfo& info() const noexcept {
    return library_ ? library_->info() : boxes_->grid().source().info;
  }
  RequestEngine& engine() noexcept { return *engine_; }

  bool is_direct() const noexcept { return boxes_.has_value(); }
  DatasetBoxes& boxes() noexcept { return *boxes_; }  ///< if it is read directly

  /// What stages for this dataset are made of.
  StageMemory::Kind stage_kind() const noexcept {
    return library_ ? library_->stage_kind() : StageMemory::Kind::kProcess;
  }

  /// What the cache may have to take for a request: all chunks that it touches, if it is one for
  /// the cache.
  std::size_t decoded_bytes_at_most(const RequestSpec& spec) const noexcept;

  /// Has a request served that has its memory.
  void start(const std::shared_ptr<Operation>& operation);

  /// Reads a request into memory that is in no stage. Throws as Request::read_into() does.
  void read_into(const std::shared_ptr<const RequestSpec>& spec, std::span<std::byte> out);

  /// Reads a request for elements of variable length. Throws as Request::read() does.
  Array read_lists(const std::shared_ptr<const RequestSpec>& spec) { return library_->read(spec); }

  /// Streams it, see Dataset::queue().
  BlockQueue queue(StreamOptions options);

  /// After the engine was closed: ends what serves requests besides it.
  void close(bool wait) noexcept;

  /// The selection, worked out. Throws as resolve() and pick_fields() do, naming the dataset.
  static std::shared_ptr<const RequestSpec> specify(std::shared_ptr<OpenDataset> dataset,
                                                    Selection selection);

 private:
  OpenDataset(std::shared_ptr<RequestEngine> engine, const ElementType& type);

  std::shared_ptr<RequestEngine> engine_;
  std::optional<DatasetBoxes> boxes_;         // either this
  std::unique_ptr<LibraryRequests> library_;  // or this
  std::shared_ptr<const ElementPick> whole_;  // of elements without a choice of fields
  std::shared_ptr<const ElementType> whole_type_;
};

}  // namespace h5flume
