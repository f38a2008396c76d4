#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/file_descriptor.h"
#include "core/file_identity.h"
#include "readers/hdf5/dataset.h"
#include "readers/random/operation_internal.h"
#include "readers/worker/file_options.h"

namespace h5flume {

/// A dataset that only libhdf5 can read, and how to have it read.
struct LibrarySource {
  hdf5::DatasetInfo info;
  FileIdentity identity;
  hdf5::OpenOptions opening;
  FileOptions file_options;
  unsigned workers = 1;  ///< threads that serve requests, each with its worker process
  std::chrono::milliseconds open_timeout{0};
  std::chrono::milliseconds request_timeout{0};
  unsigned max_deaths_per_request = 1;

  bool uses_processes() const noexcept { return !file_options.trusted; }
};

/// Wakes a thread that waits for several things at once. Threads: ring() from any.
class WakeUp {
 public:
  WakeUp();  // throws kResourceLimit
  void ring() noexcept;
  void forget() noexcept;                                   ///< that it rang
  int descriptor() const noexcept { return event_.get(); }  ///< readable once it rang

 private:
  FileDescriptor event_;
};

/// Reads one request after the other with libhdf5.
///
/// Threads: all of its life on one, for a worker process ends with the thread that started it.
class SelectionServer {
 public:
  virtual ~SelectionServer() = default;

  /// Reads a request that was begun as a whole into its memory, and returns what
  /// SelectionReader::read() does. Returns early once the result is not wanted any more; then
  /// nobody writes there any longer. `interrupted` rings when that may have come to be.
  ///
  /// Throws what SelectionReader throws, whose messages are causes, kSourceChanged for another file
  /// than was opened first, kWorkerFailed for a request that ends one worker process after the
  /// other, kTimeout for one that takes too long.
  virtual std::uint64_t serve(const Operation& operation, WakeUp& interrupted) = 0;
};

/// By a worker process, which is started for the first request and replaced when it ends; or in
/// this process, if the file is trusted. `source` must outlive it.
std::unique_ptr<SelectionServer> make_selection_server(const LibrarySource& source);

}  // namespace h5flume
