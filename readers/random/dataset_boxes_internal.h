#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "readers/chunks/chunk_cache.h"
#include "readers/chunks/chunk_decoder.h"
#include "readers/random/box_grid_internal.h"
#include "readers/random/box_plan_internal.h"

namespace h5flume {

/// What one thread needs to read boxes, besides what all share.
struct BoxScratch {
  explicit BoxScratch(std::shared_ptr<const chunks::DirectSource> source)
      : decoder(std::move(source)) {}

  /// A run of units of an unfiltered box, and where it goes.
  struct Segment {
    std::uint64_t from;
    std::uint64_t to;
    std::uint64_t units;
  };

  chunks::ChunkDecoder decoder;
  BoxPart part;
  std::vector<std::byte> fetched;   // as stored
  std::vector<std::byte> elements;  // decoded, where the cache has no room
  std::vector<Segment> segments;
};

/// The boxes of a dataset that is read directly, for all threads that read it.
///
/// Threads: all members may be called by any at once.
class DatasetBoxes {
 public:
  DatasetBoxes(std::shared_ptr<const chunks::DirectSource> source,
               std::shared_ptr<chunks::ChunkCache> cache)
      : grid_(std::move(source)), cache_(std::move(cache)) {}

  const BoxGrid& grid() const noexcept { return grid_; }
  chunks::ChunkCache& cache() noexcept { return *cache_; }
  const std::shared_ptr<chunks::ChunkCache>& shared_cache() const noexcept { return cache_; }

  /// Whether box `number` has to be decoded.
  bool is_filtered(const BoxScratch& scratch, std::uint64_t number) const noexcept;

  /// How a box is asked for in the cache.
  chunks::ChunkCache::Wanted wanted(const BoxScratch& scratch,
                                    std::uint64_t number) const noexcept {
    return {&grid_.source(), number, scratch.decoder.chunk_bytes()};
  }

  /// One for the caller, who gives it back. Throws std::bad_alloc.
  std::unique_ptr<BoxScratch> take_scratch();
  void give_back(std::unique_ptr<BoxScratch> scratch) noexcept;

 private:
  BoxGrid grid_;
  std::shared_ptr<chunks::ChunkCache> cache_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BoxScratch>> idle_;
};

}  // namespace h5flume
