#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "readers/random/dataset_boxes_internal.h"
#include "readers/random/operation_internal.h"

namespace h5flume {

/// Boxes of a request on their way through the engine:
///
///   fetch() -> decode() -> scatter() -> complete()
///
/// An error of one step is kept, and the others do nothing; complete() hands it to the operation.
///
/// A chunk that somebody else decodes is waited for in scatter(), when this run has no more to
/// decode itself: so the one waited for never waits.
///
/// Threads: one at a time.
class BoxRun {
 public:
  BoxRun(std::shared_ptr<Operation> operation, const std::vector<BoxJob>& jobs) noexcept;
  BoxRun(const BoxRun&) = delete;
  BoxRun& operator=(const BoxRun&) = delete;
  ~BoxRun() { complete(); }

  void fetch() noexcept;
  void decode() noexcept;
  void scatter() noexcept;

  /// Tells the operation that the run has ended. The run is of no use afterwards.
  void complete() noexcept;

 private:
  enum class Step { kNone, kFetched, kCached, kAwaited };
  struct Item {
    BoxJob job;
    Step step = Step::kNone;
    std::optional<chunks::ChunkCache::Lease> lease;
  };

  template <class Work>
  void unless_failed(Work work) noexcept;
  bool may_read_parts(const hdf5::StoredChunk& stored) const noexcept;
  void fetch_stored();
  void decode_item(Item& item);
  void decode_awaited(const Item& item);
  chunks::ChunkCache::Lease decode_for_cache(const Item& item,
                                             chunks::ChunkCache::DecodingTask task);
  void decode_beside_cache(const Item& item);
  bool decode_into_result(const Item& item);
  void copy_decoded(const Item& item, const std::byte* box);
  void fill(const Item& item);
  void read_unfiltered(const Item& item);
  void read_segments(std::uint64_t address);
  void read_window(std::uint64_t address, std::span<const BoxScratch::Segment> segments);
  std::span<const std::byte> stored_bytes(const Item& item) const noexcept;
  BoxPart& part_of(const Item& item);
  bool delivers() const noexcept;

  std::shared_ptr<Operation> operation_;  // null: completed
  const RequestSpec& spec_;
  DatasetBoxes& boxes_;
  const chunks::DirectSource& source_;
  std::vector<Item> items_;
  std::unique_ptr<BoxScratch> scratch_;
  std::span<const std::byte> fetched_;
  std::uint64_t fetched_from_ = 0;
  bool has_read_ = false;
  std::optional<Error> error_;
};

/// Serves one run of a request. False if none is left that nobody else has begun.
bool serve_run(const std::shared_ptr<Operation>& operation);

/// Serves all that is left of it.
void serve_runs(const std::shared_ptr<Operation>& operation);

}  // namespace h5flume
