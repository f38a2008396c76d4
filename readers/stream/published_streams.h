#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readers/stream/block_queue.h"

namespace h5flume {

/// A worker of a published stream that is alive.
struct PublishedWorker {
  unsigned number = 0;
  int pid = 0;               ///< 0: a thread of the program itself
  std::uint64_t blocks = 0;  ///< delivered, of those that workers of this number made
  double read_seconds = 0;   ///< that they spent on these
  bool is_reading = false;   ///< at work on a block
};

/// What a stream has told of itself, see StreamOptions::publish_statistics.
struct PublishedStream {
  std::int64_t id = 0;  ///< differs from that of any other stream of the program
  std::string file;
  std::string dataset;
  std::chrono::system_clock::time_point since;
  bool ordered = false;
  bool cyclic = false;
  bool finished = false;  ///< no block will come any more

  std::uint64_t pass_rows = 0;    ///< of one pass over the dataset
  std::uint64_t pass_blocks = 0;  ///< of one pass; a cyclic stream's last may reach into the next
  std::uint64_t pass = 0;         ///< counted from 0
  double pass_done = 0;           ///< share of this pass that has been taken, 0 to 1

  StreamStatistics statistics;

  std::uint64_t free_slots = 0;      ///< for a worker to fill
  std::uint64_t filling_slots = 0;   ///< being filled
  std::uint64_t readable_slots = 0;  ///< for a consumer to take
  std::uint64_t held_slots = 0;      ///< taken and not released

  std::vector<PublishedWorker> workers;  ///< by number
};

/// A program that publishes the statistics of its streams.
struct PublishedProgram {
  std::string dict;  ///< name of the shared dict that holds all this
  std::int64_t pid = 0;
  bool alive = false;  ///< if not, the dict is what it left when it was killed; no more is known
  std::string name;    ///< of the program, or why its dict could not be read
  bool readable = false;
  std::chrono::system_clock::time_point updated;  ///< when it told its figures last
  std::vector<PublishedStream> streams;           ///< in the order of their beginning
};

/// The programs that publish statistics in a folder of shared dicts, by name of the dict.
///
/// Each keeps one SharedDict with a dict for each stream; docs/streaming.md has its form. Attaches
/// to each dict for the moment of the call. Throws kNotFound, kIo for the folder.
std::vector<PublishedProgram> published_programs(const std::string& folder = "/dev/shm");

}  // namespace h5flume
