#pragma once

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <string>

#include "core/file_descriptor.h"
#include "tools/h5flume/signal_watch.h"

namespace h5flume::cli {

/// A screen that is drawn anew in place while the program runs, and put back as it was at the end.
///
/// Where standard output is no terminal, or Style::kPlain is wanted, nothing is done to it, and
/// draw() prints lines one after the other. A first signal ends wait() in place of the program.
/// Threads: for one thread.
class LiveTerminal {
 public:
  enum class Style { kInPlace, kPlain };
  LiveTerminal(SignalWatch& signals, Style style);
  LiveTerminal(const LiveTerminal&) = delete;
  LiveTerminal& operator=(const LiveTerminal&) = delete;
  ~LiveTerminal();

  /// Whether it is drawn in place.
  bool is_live() const noexcept { return is_live_; }

  /// Its size now; of what is not drawn in place, as much as there may be.
  std::size_t rows() const noexcept;
  std::size_t columns() const noexcept;

  /// Shows lines that end with a newline each, cut to what there is room for.
  void draw(const std::string& lines) const;

  enum class Event { kTime, kQuit, kSignal };

  /// Waits for a time, unless the key q or a signal comes first.
  Event wait(std::chrono::milliseconds time);

 private:
  void take_over();
  bool read_quit();

  bool is_live_;
  bool has_keys_ = false;
  termios before_{};
  FileDescriptor woken_;
  SignalWatch::Action wake_;  // last, so that nothing it uses goes before it
};

}  // namespace h5flume::cli
