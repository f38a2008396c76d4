#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace h5flume {

/// How a file is opened, and by whom.
struct FileOptions {
  /// Lets external links, external raw files and virtual sources lead outside the folder that
  /// holds the file. Off, so that a downloaded file cannot read the rest of the disk.
  bool allow_outside_sources = false;

  /// Lets libhdf5 open the file in the calling process where that is quicker: worker threads then
  /// start without a worker process. Off, so that a file that crashes or hangs libhdf5 cannot hurt
  /// the program.
  bool trusted = false;

  /// The worker program. Empty: the environment variable H5FLUME_WORKER, else `h5flume-worker`
  /// next to the library or the running program, else where h5flume was installed.
  std::string worker_path;

  /// Memory that one worker process may allocate; beyond it the block becomes an error.
  /// 0: no limit of its own.
  std::uint64_t worker_memory_bytes = 0;

  /// Where indices of datasets of 10,000 chunks and more are kept, so that opening them again takes
  /// milliseconds. Not set: the environment variable H5FLUME_INDEX_FOLDER, else h5flume in
  /// $XDG_CACHE_HOME or ~/.cache. Empty: nowhere. A folder that cannot be written to is no error.
  std::optional<std::string> index_folder;
};

}  // namespace h5flume
