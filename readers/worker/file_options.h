#pragma once

#include <cstdint>
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
};

}  // namespace h5flume
