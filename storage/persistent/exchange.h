#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/persistent/persistent_dict.h"
#include "storage/persistent/progress_tracker.h"

namespace h5flume {

/// How a dict or a tracker stands in files outside (docs/exchange.md).
enum class ExchangeFormat {
  kJsonLines,  ///< one file, with a line of JSON for each entry: json_lines.h
  kTastypy,    ///< a folder as tastypy's POD and ProgressTracker keep their data in
};

struct ExportOptions {
  ExchangeFormat format = ExchangeFormat::kJsonLines;

  /// A file whose name ends in ".gz" is gzipped in any case.
  bool gzip = false;

  /// Lines of each file of a tastypy folder: what tastypy calls file_size and has to be told when
  /// it opens the folder.
  std::size_t lines_a_file = 1000;

  /// Puts a tastypy folder in the place of one that is there. A file is always replaced.
  bool replace = false;

  /// Called after each entry with how many there have been. What it throws ends the export, and
  /// leaves the destination as it was.
  std::function<void(std::uint64_t done)> on_progress = {};
};

/// Writes all items as they are at this moment. The same items make the same bytes. The destination
/// appears when it is complete and on the disk. Returns how many there are.
///
/// Throws kConflict for a folder that is not empty and not to be replaced, or holds other files;
/// kInvalidArgument, kIo and so on as AtomicFile does, and what reading the dict throws.
std::uint64_t export_dict(const PersistentDict& dict, const std::string& destination,
                          const ExportOptions& options = {});

/// The same with all tasks. Those that others change meanwhile are written as they are when it is
/// their turn. Throws kInvalidArgument, naming the task, for a value that has one of tastypy's own
/// members.
std::uint64_t export_tracker(const ProgressTracker& tracker, const std::string& destination,
                             const ExportOptions& options = {});

/// A line that a salvage has left out.
struct DroppedLine {
  std::string file;
  std::uint64_t line = 0;  ///< from 1; 0: what is wrong concerns the file, not a line
  std::string cause;
};

struct ImportOptions {
  /// Leaves out what is damaged. Otherwise everything is read before anything is changed, and the
  /// first thing that is wrong throws.
  bool salvage = false;

  /// Called for each line that is left out.
  std::function<void(const DroppedLine&)> on_dropped = {};

  /// Called after each entry with how many have been stored, of how many; of 0 where that is not
  /// known. Also called while everything is read first. What it throws ends the import.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress = {};
};

struct ImportReport {
  std::uint64_t imported = 0;  ///< entries; a key that comes twice counts twice
  std::uint64_t dropped = 0;   ///< calls of on_dropped
};

/// Sets what a file of JSON lines or a folder of tastypy holds; what else is in the dict stays. Of
/// a key that comes twice, the later value counts. Gzip is recognised by the files' contents.
///
/// Some thousand items are stored at a time. A process that dies meanwhile leaves those before, and
/// doing it again sets them right. At the end it is as after sync().
///
/// Throws kCorruptData, naming file and line, for what is damaged; kNotFound, kInvalidArgument for
/// a source that is neither; and what writing the dict throws.
ImportReport import_dict(PersistentDict& dict, const std::string& source,
                         const ImportOptions& options = {});

/// The same with tasks, which take the place of those with the same keys
/// (ProgressTracker::restore()).
ImportReport import_tracker(ProgressTracker& tracker, const std::string& source,
                            const ImportOptions& options = {});

}  // namespace h5flume
