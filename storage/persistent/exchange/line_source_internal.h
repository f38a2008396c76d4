#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace h5flume::persistent {

/// A line of what is imported. What is viewed is good until the next line is read.
struct SourceLine {
  std::string_view file;
  std::uint64_t number = 0;  ///< from 1; 0: something is wrong with the file as a whole
  std::string_view text;     ///< without its newline
  std::string problem;       ///< why nothing can be made of the text; empty: it is all there
};

/// All lines of an export, and what is wrong with them, in order.
/// Threads: for one.
class LineSource {
 public:
  virtual ~LineSource() = default;

  /// The next line; nothing after the last. Throws kIo and so on, naming the file; damage is no
  /// error here, but a line's problem.
  virtual std::optional<SourceLine> next() = 0;
};

/// Where the lines of an export go, which appears when it is complete. Destruction without
/// commit() leaves the destination as it was.
/// Threads: for one.
class LineSink {
 public:
  virtual ~LineSink() = default;

  /// Adds a line, which must hold no newline.
  virtual void write(std::string_view line) = 0;

  /// Makes everything durable and publishes it. Called once, and nothing after it.
  virtual void commit() = 0;
};

}  // namespace h5flume::persistent
