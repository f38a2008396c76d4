#include "tools/h5flume/progress_bar.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenDraws{100};

std::size_t terminal_columns() noexcept {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void write_to_terminal(std::string_view text) noexcept {
  // One write for the whole line keeps it free of flicker; a terminal that has gone is no error.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

// What goes between the label and the figures.
std::string bar_text(double fraction, std::size_t columns) {
  if (columns < 6) return {};
  const std::size_t cells = std::min<std::size_t>(columns - 2, 40);
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(cells));
  return "[" + std::string(full, '#') + std::string(cells - full, '.') + "]";
}

const char* unit_name(ProgressBar::Unit unit) {
  switch (unit) {
    case ProgressBar::Unit::kBytes:
      return "B";
    case ProgressBar::Unit::kRows:
      return "rows";
    case ProgressBar::Unit::kElements:
      return "elements";
    case ProgressBar::Unit::kTasks:
      return "tasks";
    case ProgressBar::Unit::kEntries:
      return "entries";
  }
  return "";
}

}  // namespace

ProgressBar::ProgressBar(std::string label, std::uint64_t total, Unit unit, bool quiet)
    : label_(printable(label)),
      total_(static_cast<double>(total)),
      unit_(unit),
      shown_(!quiet && ::isatty(STDERR_FILENO) == 1),
      next_draw_(start_) {}

void ProgressBar::start_at(std::uint64_t done) { done_before_ = static_cast<double>(done); }

void ProgressBar::update(std::uint64_t done) {
  if (!shown_ || total_ == 0) return;
  const auto now = Clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kBetweenDraws;
  draw(std::min(static_cast<double>(done), total_),
       std::chrono::duration<double>(now - start_).count());
}

void ProgressBar::draw(double done, double elapsed_seconds) {
  const double rate = std::max(done - done_before_, 0.0) / std::max(elapsed_seconds, 1e-3);
  const double fraction = done / total_;
  const std::string speed =
      unit_ == Unit::kBytes ? format_bytes(rate)
                            : fmt::format("{:.{}f} {}", rate, rate < 10 ? 1 : 0, unit_name(unit_));
  const std::string left = rate > 0 ? format_duration((total_ - done) / rate) : "-:--";

  const std::size_t columns = terminal_columns();
  const std::string start = shortened(label_, columns / 3);
  const std::string note = note_.empty() ? "" : "  " + printable(note_);
  const std::string figures = fmt::format("  {}/s  {} left{}", speed, left, note);
  std::string line = fmt::format("{}  {:3.0f}% ", start, fraction * 100);
  const std::size_t used = line.size() + figures.size() + 1;
  line += bar_text(fraction, columns > used ? columns - used : 0) + figures;
  // To the start of the line, the line, wipe what the last one left beyond it.
  write_to_terminal("\r" + shortened(line, columns - 1) + "\x1b[K");
  drawn_ = true;
}

void ProgressBar::finish() noexcept {
  if (std::exchange(drawn_, false)) write_to_terminal("\r\x1b[K");
  shown_ = false;
}

}  // namespace h5flume::cli
