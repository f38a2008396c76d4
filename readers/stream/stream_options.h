#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace h5flume {

/// Who reads and decodes the blocks.
enum class WorkerKind {
  /// Separate programs: a file that crashes, hangs or bloats one cannot hurt the caller. A dataset
  /// that is read directly has one process with a thread for each worker; one that libhdf5 reads,
  /// one call at a time, has a process for each.
  kProcesses,
  /// Threads of the calling process. A dataset that is read directly is opened in a worker process
  /// first (see FileOptions::trusted), and the threads then read it without libhdf5. Any other is
  /// opened and read by libhdf5 in the calling process, one read at a time: a hostile file can take
  /// the caller down there.
  kThreads,
};

/// What happens when a block cannot be read.
enum class OnError {
  kRaise,  ///< take() throws the block's Error; the next take() goes on with the next block
  kSkip,   ///< the block is left out and its Error is kept: see BlockQueue::skipped()
};

/// How one dataset is streamed. Checked by Streamer::queue(), which names the offending option.
struct StreamOptions {
  // --- behaviour ---

  /// Deliver blocks in dataset order. Otherwise whichever block is ready first comes first.
  bool ordered = false;

  /// Begin again at row 0 after the last row, without end. A block may then wrap: it holds the
  /// last rows of the dataset followed by the first.
  bool cyclic = false;

  /// Deliver the rows that do not fill a block as a last, shorter block. Without it they are
  /// reachable by BlockQueue::remainder(). Has no meaning in cyclic mode, where blocks wrap.
  bool remainder = false;

  /// In unordered cyclic mode: lets blocks of the next pass come before the last of this one.
  bool mix_passes = false;

  /// Fields of a compound dataset. Empty: whole rows. One: that field's own type. Several: a
  /// compound of them in this order. A nested field is written "outer/inner". One of variable
  /// length has to be the only one.
  std::vector<std::string> fields;

  /// A condition over the fields of a compound dataset, as "(pos > 3) & (flag == 1)": only rows for
  /// which it holds are delivered, see RowCondition. It may read other fields than `fields`. Empty:
  /// all rows. Workers read whole rows, in blocks of block_rows, and leave out the others; a block
  /// then has as many rows as are left, and is passed over if these are none. A row whose values it
  /// cannot compute with is an error of its block.
  std::string where;

  OnError on_error = OnError::kRaise;

  /// Tells `h5flume top` and others on this machine what the stream does, four times a second, see
  /// published_programs(). Costs the stream nothing; but a program that is killed leaves the named
  /// shared memory it is told in, until `h5flume shared clean` removes it. The environment variable
  /// H5FLUME_STATISTICS=1 does so for all streams of a program; one that is a path names the folder
  /// to use in place of /dev/shm.
  bool publish_statistics = false;

  // --- performance ---

  /// Who reads; see WorkerKind.
  WorkerKind kind = WorkerKind::kProcesses;

  /// Reads without libhdf5 where the way the dataset is stored allows it.
  bool direct = true;

  /// Number of readers, 1 to 255. By default one for each core this process may use, at most 8.
  std::optional<unsigned> workers;

  /// Blocks in flight, that is ring slots of block_rows rows each, held ones included; at least 1.
  /// By default 2 * workers + 1, or as many as make 4 MiB, up to 16, if that is more.
  std::optional<unsigned> read_ahead;

  /// Rows of a block, at least 1. By default chosen from the dataset: see default_block_rows().
  std::optional<std::int64_t> block_rows;

  /// Memory for decoded chunks that reach over the end of a block, see hdf5::OpenOptions; for each
  /// worker process.
  std::size_t chunk_cache_bytes = 256 << 20;

  /// Variable-length data only: most bytes of a block, offsets included. By default 64 MiB. Each of
  /// the `read_ahead` blocks takes as much of that as the largest one that ever lay in its place,
  /// so that a generous limit costs nothing. A block that needs more becomes a kResourceLimit
  /// error.
  std::optional<std::size_t> block_capacity_bytes;

  // --- limits ---

  /// A worker that needs longer than this for one block is killed, and the block becomes a kTimeout
  /// error. Worker processes only, as max_deaths_per_block. 0: no limit.
  std::chrono::milliseconds block_timeout{30'000};

  /// A worker that needs longer than this to open the dataset is killed. 0: no limit.
  std::chrono::milliseconds open_timeout{8'000};

  /// After this many worker deaths on the same block the block becomes a kWorkerFailed error.
  unsigned max_deaths_per_block = 3;
};

}  // namespace h5flume
