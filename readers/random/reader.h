#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "readers/random/dataset.h"
#include "readers/random/future.h"
#include "readers/random/request.h"
#include "readers/random/stage.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// How a Reader works. Checked by its constructor, which names the offending option.
struct ReaderOptions {
  /// Threads at work for all datasets together, besides those that wait, which help; 1 to 255. By
  /// default one less than the cores this process may use, at least 1 and at most 8. They are
  /// oneTBB's: a larger number than it would start by itself raises its limit, for all of the
  /// program, while the Reader lives.
  std::optional<unsigned> threads;

  /// Memory for decoded chunks, of all datasets together. Least recently used ones go first.
  std::size_t chunk_cache_bytes = 256 << 20;

  /// Opening a dataset ends with kTimeout after this. 0: no limit.
  std::chrono::milliseconds open_timeout{8'000};

  /// Reads without libhdf5 what can be read so. Off, libhdf5 reads everything.
  bool direct = true;

  // --- of datasets that libhdf5 reads ---

  /// Worker processes for each such dataset, started when they are first needed; 1 to 255. By
  /// default one for each core this process may use, at most 8. A trusted file is read by one
  /// thread of this process instead.
  std::optional<unsigned> workers;

  /// A request that takes a worker process longer ends with kTimeout. 0: no limit.
  std::chrono::milliseconds request_timeout{30'000};

  /// A request that so many worker processes died of ends with kWorkerFailed; 1 or more.
  unsigned max_deaths_per_request = 3;
};

/// Reads any part of the datasets of one HDF5 file, in any order.
///
///   h5flume::Reader reader("run7.h5");
///   const auto images = reader.dataset("/images");
///   const auto stage = images.stage({32});                    // room for 32 rows
///   auto future = reader.request(images[rows(64, 96)], stage);
///   ...
///   const h5flume::Array batch = future.get();
///
/// Lifetime: destruction closes it. Threads: all members may be called at once.
class Reader {
 public:
  using Callback = std::function<void()>;

  /// Throws kNotFound or kIo if `file` is not a readable file; its contents are looked at later.
  /// kInvalidArgument for an option, kResourceLimit.
  explicit Reader(std::string file, const ReaderOptions& options = {},
                  const FileOptions& file_options = {});
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  const std::string& file() const noexcept;

  /// Opens the dataset at `path`, in a worker process unless FileOptions::trusted; each path once.
  /// What only libhdf5 can read is read by it in worker processes, with stages that they share, or
  /// on a thread of this process if FileOptions::trusted.
  ///
  /// With `fields` its elements are what StreamOptions::fields makes of them: that is how to read a
  /// compound some of whose fields are of variable length. It is read by libhdf5; others need it
  /// not, see field().
  ///
  /// Throws what hdf5::Dataset's constructor throws, kWorkerFailed, kTimeout, kCancelled if closed.
  Dataset dataset(const std::string& path, const std::vector<std::string>& fields = {}) const;

  /// Has the request read into the stage, in the background, when the stage is free. What takes
  /// less time than waking a thread is done before this returns. `on_ready` is called once it is
  /// ready, by whichever thread finished it; it must not throw, nor wait for anything.
  ///
  /// Throws kInvalidArgument if the stage is too small, or of another kind than the dataset needs,
  /// kCancelled if this is closed.
  Future request(const Request& wanted, const Stage& stage, Callback on_ready = nullptr) const;

  /// The same with the next free stage of a pool, for which it waits; with a limit, and throws
  /// kTimeout after that.
  Future request(const Request& wanted, const StagePool& pool, Callback on_ready = nullptr) const;
  Future request(const Request& wanted, const StagePool& pool, std::chrono::nanoseconds limit,
                 Callback on_ready = nullptr) const;

  /// Many at once, as many as the pool has stages at most: futures in the order of the requests.
  /// Throws kInvalidArgument if there are more, before any has begun.
  std::vector<Future> request(std::span<const Request> wanted, const StagePool& pool) const;

  /// Decodes chunks that will be wanted soon into the cache, in the background: those of the first
  /// requests, as long as they fit into chunk_cache_bytes. Nothing that is not compressed is read.
  /// Errors are left for the requests to find.
  void readahead(std::span<const Request> wanted) const;

  /// Ends all requests that have not begun with kCancelled, and the waiting for stages of pools.
  /// With `wait` it returns when those under way are done and nothing is left running. Data that
  /// are ready can still be got.
  void close(bool wait = true);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace h5flume
