#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/persistent/exchange/line_file_internal.h"
#include "storage/persistent/exchange/line_source_internal.h"

namespace h5flume::persistent {

/// The lines of a folder that tastypy keeps a dict in: 0.json, 1.json and so on, or 0.json.gz and
/// so on, in the order of their numbers.
///
/// Its problems are those that tastypy looks for, a number that is missing and a file with another
/// number of lines than the first (the last may have fewer), and what it overlooks: an empty file,
/// gzipped files beside others, a last line without a newline.
class TastypyFolderReader : public LineSource {
 public:
  /// Throws kNotFound and so on; kInvalidArgument for a folder of other files. One without any is
  /// an empty dict.
  explicit TastypyFolderReader(std::string path);

  std::optional<SourceLine> next() override;

 private:
  struct File {
    std::uint64_t number = 0;
    std::string path;
  };
  /// The file that is being read.
  struct Reading {
    LineReader lines;
    std::uint64_t count = 0;
    bool damaged = false;  ///< so that the count says nothing
  };

  void find_files();
  bool open_next_file();
  void check_line_count();
  void report(std::string_view file, std::string problem);

  std::string path_;
  std::vector<File> files_;
  std::size_t next_file_ = 0;
  std::uint64_t next_number_ = 0;
  std::optional<Reading> reading_;
  std::optional<std::uint64_t> lines_a_file_;
  std::deque<SourceLine> problems_;  // to be told before the next line
};

/// Whether a folder holds files of tastypy, and nothing else.
bool is_tastypy_folder(const std::string& path);

/// Writes such a folder, under another name until it is complete. A folder may be at the
/// destination if it is empty, or with `replace` if is_tastypy_folder(): they change places in one
/// step then, and the old one is removed.
class TastypyFolderWriter : public LineSink {
 public:
  struct Options {
    bool gzip = false;
    std::size_t lines_a_file = 1000;  ///< tastypy's file_size
    bool replace = false;
  };

  /// Throws kConflict for what may not be replaced, kInvalidArgument for a file at the
  /// destination, kNotFound if its folder is not there, kIo and so on.
  TastypyFolderWriter(std::string destination, const Options& options);
  TastypyFolderWriter(const TastypyFolderWriter&) = delete;
  TastypyFolderWriter& operator=(const TastypyFolderWriter&) = delete;
  ~TastypyFolderWriter() override;

  void write(std::string_view line) override;
  void commit() override;

 private:
  void finish_file();
  void publish();

  std::string destination_;
  Options options_;
  bool replaces_ = false;  // what is at the destination
  std::string temporary_;  // empty once there is none to remove
  std::optional<LineWriter> file_;
  std::uint64_t files_ = 0;
  std::size_t lines_ = 0;  // of this file
};

}  // namespace h5flume::persistent
