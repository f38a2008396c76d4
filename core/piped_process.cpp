#include "core/piped_process.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/error.h"

namespace h5flume {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = std::size_t{256} << 10U;
constexpr int kPipeBytes = 1 << 20;  // fewer turns between the two processes; a smaller one serves

// Writing into a pipe that nobody reads raises SIGPIPE in the thread that writes. Here it is
// blocked, and taken away before it is let through again.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &previous_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    if (sigismember(&previous_, SIGPIPE) == 0) {
      constexpr timespec kNow{};
      while (sigtimedwait(&sigpipe_, nullptr, &kNow) < 0 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }

 private:
  sigset_t sigpipe_{};
  sigset_t previous_{};
};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

// The end that stays here does not block.
Pipe make_pipe(bool write_here) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_system_error("make a pipe", errno);
  Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  const int ours = write_here ? ends[1] : ends[0];
  ::fcntl(ours, F_SETPIPE_SZ, kPipeBytes);
  ::fcntl(ours, F_SETFL, O_NONBLOCK);
  return pipe;
}

// Moves what can be moved without waiting, whenever poll() says that something can.
class Exchange {
 public:
  Exchange(Program program, const PipedOptions& options)
      : options_(options), buffer_(std::make_unique_for_overwrite<std::byte[]>(kReadBytes)) {
    if (options.timeout) deadline_ = Clock::now() + *options.timeout;
    Pipe input = make_pipe(true);
    Pipe output = make_pipe(false);
    Pipe error = make_pipe(false);
    program.input = input.read_end.get();
    program.output = output.write_end.get();
    program.error = error.write_end.get();
    program.leads_group = true;
    child_.emplace(ChildProcess::spawn(program));
    input_ = std::move(input.write_end);
    output_ = std::move(output.read_end);
    error_ = std::move(error.read_end);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (child_) child_->kill_group();  // no effect after run()
  }

  PipedResult run() {
    while (!serve()) {
    }
    child_->kill_group();  // what it has left behind
    read_output();         // and what is still in the pipes
    read_error();
    result_.status = *child_->wait();
    keep_end_of_error();
    return std::move(result_);
  }

 private:
  // One turn; true once the child has ended.
  bool serve() {
    write_input();  // closes the pipe where nothing is left
    std::array<pollfd, 5> ready{{{input_.get(), POLLOUT, 0},
                                 {output_.get(), POLLIN, 0},
                                 {error_.get(), POLLIN, 0},
                                 {ended_ ? -1 : options_.stop_descriptor, POLLIN, 0},
                                 {child_->pidfd(), POLLIN, 0}}};  // negative ones are skipped
    const int count = ::poll(ready.data(), ready.size(), milliseconds_left());
    if (count < 0 && errno != EINTR) throw_system_error("wait for a program's pipes", errno);
    if (Clock::now() >= deadline_) end(PipedResult::End::kTimeout);
    if (count <= 0) return false;
    if (ready[1].revents != 0) read_output();
    if (ready[2].revents != 0) read_error();
    if (ready[3].revents != 0) end(PipedResult::End::kStopped);
    return ready[4].revents != 0;
  }

  int milliseconds_left() const {
    if (!options_.timeout || ended_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30));
  }

  // What comes first is why.
  void end(PipedResult::End why) {
    if (!std::exchange(ended_, true)) result_.end = why;
    child_->kill_group();
  }

  void write_input() {
    while (input_) {
      if (part_ == options_.input.size()) return input_.reset();
      const auto rest = options_.input[part_].subspan(written_);
      const ssize_t count = rest.empty() ? 0 : ::write(input_.get(), rest.data(), rest.size());
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0 && errno != EINTR) return input_.reset();  // EPIPE: it does not want more
      if (count > 0) written_ += static_cast<std::size_t>(count);
      if (written_ == options_.input[part_].size()) {
        ++part_;
        written_ = 0;
      }
    }
  }

  // Calls `use` with what there is, and closes the pipe at its end.
  template <class Use>
  void read_all(FileDescriptor& pipe, const Use& use) {
    while (pipe) {
      const ssize_t count = ::read(pipe.get(), buffer_.get(), kReadBytes);
      if (count > 0) {
        use(std::span<const std::byte>(buffer_.get(), static_cast<std::size_t>(count)));
      } else if (count < 0 && errno == EAGAIN) {
        return;
      } else if (count == 0 || errno != EINTR) {
        pipe.reset();
      }
      if (ended_) return;  // whoever writes without end is killed before the rest is read
    }
  }

  void read_output() {
    read_all(output_, [this](std::span<const std::byte> bytes) {
      const std::size_t room = options_.kept_output_bytes - result_.output.size();
      const auto kept = bytes.first(std::min(room, bytes.size()));
      result_.output.insert(result_.output.end(), kept.begin(), kept.end());
      result_.output_bytes += bytes.size();
      if (result_.output_bytes > options_.most_output_bytes) end(PipedResult::End::kTooMuchOutput);
    });
  }

  void read_error() {
    read_all(error_, [this](std::span<const std::byte> bytes) {
      result_.error.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (result_.error.size() > 2 * options_.kept_error_bytes + kReadBytes) keep_end_of_error();
    });
  }

  void keep_end_of_error() {
    auto& text = result_.error;
    if (text.size() > options_.kept_error_bytes) {
      text.erase(0, text.size() - options_.kept_error_bytes);
    }
  }

  const PipedOptions& options_;
  Clock::time_point deadline_ = Clock::time_point::max();
  FileDescriptor input_;
  FileDescriptor output_;
  FileDescriptor error_;
  std::optional<ChildProcess> child_;
  std::size_t part_ = 0;  // of the input, and how much of it
  std::size_t written_ = 0;
  std::unique_ptr<std::byte[]> buffer_;
  bool ended_ = false;  // by us
  PipedResult result_;
};

}  // namespace

PipedResult run_with_pipes(Program program, const PipedOptions& options) {
  const NoSigpipe no_sigpipe;
  return Exchange(std::move(program), options).run();
}

}  // namespace h5flume
