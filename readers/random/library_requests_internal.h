#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "readers/random/array.h"
#include "readers/random/selection_server_internal.h"

namespace h5flume {

/// Serves the requests for a dataset that only libhdf5 can read, in the order in which they come,
/// on threads of its own, each of which has a SelectionServer. A thread is started when a request
/// comes and none is idle, up to LibrarySource::workers.
///
/// Threads: all members may be called by any at once; close(true) and destruction by none of those
/// that it serves on. So it has to be closed before it may go with its last request.
class LibraryRequests {
 public:
  explicit LibraryRequests(LibrarySource source);
  LibraryRequests(const LibraryRequests&) = delete;
  LibraryRequests& operator=(const LibraryRequests&) = delete;
  ~LibraryRequests() { close(true); }

  const LibrarySource& source() const noexcept { return source_; }
  const hdf5::DatasetInfo& info() const noexcept { return source_.info; }

  /// What the stages of its requests have to be made of.
  StageMemory::Kind stage_kind() const noexcept;

  /// Serves a request that has its memory, in its turn. After close() it is left alone: whoever
  /// closes ends the requests, too.
  void put(const std::shared_ptr<Operation>& operation);

  /// Reads a request into memory that is in no stage, by way of a stage of its own.
  void read_into(const std::shared_ptr<const RequestSpec>& spec, std::span<std::byte> out);

  /// Reads a request for elements of variable length, which take as many bytes as they do.
  Array read(const std::shared_ptr<const RequestSpec>& spec);

  /// Begins no more requests. With `wait` it returns when those under way are done, and threads and
  /// worker processes are gone; those that are not wanted any more do not take long.
  void close(bool wait) noexcept;

 private:
  struct Server {
    WakeUp interrupted;
    std::thread thread;
  };

  void add_server();
  void serve(WakeUp& interrupted) noexcept;
  std::shared_ptr<Operation> next();
  std::shared_ptr<StageState> take_stage(std::size_t bytes);
  void keep_stage(std::shared_ptr<StageState> stage);

  const LibrarySource source_;
  std::mutex closing_;  // guards the joining of threads; taken before mutex_
  std::mutex mutex_;    // guards everything below
  std::condition_variable changed_;
  bool is_closed_ = false;
  std::size_t idle_ = 0;  // threads that wait
  std::deque<std::shared_ptr<Operation>> queue_;
  std::list<Server> servers_;
  std::vector<std::shared_ptr<StageState>> stages_;  // for read_into() and read(), idle
};

}  // namespace h5flume
