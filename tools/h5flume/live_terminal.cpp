#include "tools/h5flume/live_terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

// To another screen and back, with everything that is on the first one; without a cursor.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

bool is_drawable() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && std::string_view(kind ? kind : "") != "dumb";
}

winsize size_of_terminal() noexcept {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {24, 80, 0, 0};
  return size;
}

void show(std::string_view text) noexcept {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

LiveTerminal::LiveTerminal(SignalWatch& signals, Style style)
    : is_live_(style == Style::kInPlace && is_drawable()),
      woken_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wake_(signals, [this] { ::eventfd_write(woken_.get(), 1); }) {
  if (!woken_) throw_system_error("wait for a signal", errno);
  if (is_live_) take_over();
}

LiveTerminal::~LiveTerminal() {
  if (!is_live_) return;
  show(kLeave);
  if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

// Keys come one by one and are not shown; Ctrl-C goes on being a signal, which has the keys before
// it forgotten: so a read must not wait for those that poll() has seen. Ctrl-Z would leave the
// terminal as it is here.
void LiveTerminal::take_over() {
  if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;
    has_keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
  }
  show(kEnter);
}

std::size_t LiveTerminal::rows() const noexcept {
  return is_live_ ? size_of_terminal().ws_row : std::numeric_limits<std::size_t>::max();
}

std::size_t LiveTerminal::columns() const noexcept {
  return is_live_ ? size_of_terminal().ws_col : std::numeric_limits<std::size_t>::max();
}

void LiveTerminal::draw(const std::string& lines) const {
  if (!is_live_) return show(lines);
  // To the top; each line, and wipe what is left of the one before; wipe what is below. The last
  // line has no newline, which would scroll a full screen.
  std::string frame = "\x1b[H";
  std::string_view rest = lines;
  for (std::size_t row = 0, last = rows(); row < last && !rest.empty(); ++row) {
    const auto end = std::min(rest.find('\n'), rest.size());
    if (row > 0) frame += '\n';
    frame += shortened(std::string(rest.substr(0, end)), columns()) + "\x1b[K";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  show(frame + "\x1b[J");
}

LiveTerminal::Event LiveTerminal::wait(std::chrono::milliseconds time) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + time;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    std::array<pollfd, 2> events{{{woken_.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    const int found = ::poll(events.data(), has_keys_ ? 2 : 1,
                             static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30)));
    if (events[0].revents != 0) return Event::kSignal;
    if (found == 0) return Event::kTime;
    // A terminal that has gone away is an end too.
    if ((events[1].revents & (POLLHUP | POLLERR)) != 0) return Event::kQuit;
    if (events[1].revents != 0 && read_quit()) return Event::kQuit;
  }
}

bool LiveTerminal::read_quit() {
  std::array<char, 64> keys{};
  const auto count = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (count < 0) return errno != EINTR;
  return std::any_of(keys.begin(), keys.begin() + count,
                     [](char key) { return key == 'q' || key == 'Q'; });
}

}  // namespace h5flume::cli
