#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"
#include "storage/atomic_file.h"
#include "storage/persistent/exchange/gzip_stream_internal.h"
#include "storage/persistent/exchange/line_source_internal.h"

namespace h5flume::persistent {

/// No line that can be imported is longer: it holds one value, and the largest that SQLite keeps
/// has 1e9 bytes.
inline constexpr std::size_t kLongestLine = std::size_t{1} << 30U;

/// The lines of a file, of which gzip is undone if it begins as gzip does.
///
/// Its problems are damaged gzip, after which there are no more lines; a line that is too long; and
/// a last line without a newline, of which the end may be missing.
///
/// Memory: that of the longest line, and up to 32 MiB.
class LineReader : public LineSource {
 public:
  /// Throws kNotFound and so on, and kInvalidArgument for what is no regular file.
  explicit LineReader(std::string path, std::size_t longest_line = kLongestLine);

  std::optional<SourceLine> next() override;

 private:
  SourceLine take_line(std::size_t end);
  std::optional<SourceLine> take_rest();
  bool read_more();
  void decode();

  std::string path_;
  FileDescriptor file_;
  std::size_t longest_line_;
  std::string input_;  // what the last read() gave
  std::string text_;   // decoded; all from begin_ on has yet to be handed out
  std::size_t begin_ = 0;
  std::uint64_t number_ = 0;
  bool too_long_ = false;  // the line that is being read: its text is thrown away
  std::optional<GzipDecoder> gzip_;
  bool first_read_ = true;
  std::string damage_;  // found behind all that text_ holds
};

/// Writes a file line by line, gzipped or not.
class LineWriter : public LineSink {
 public:
  /// Throws as AtomicFile does, and so do the members.
  LineWriter(const std::string& destination, bool gzip);

  void write(std::string_view line) override;
  void commit() override;

 private:
  void flush(bool last);

  AtomicFile file_;
  std::optional<GzipEncoder> gzip_;
  std::string text_;  // to be written
  std::uint64_t written_bytes_ = 0;
};

}  // namespace h5flume::persistent
