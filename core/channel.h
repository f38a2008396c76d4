#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/file_descriptor.h"

namespace h5flume {

/// A message, and the descriptor that travelled with it, if any.
struct Message {
  std::string text;
  FileDescriptor descriptor;
};

/// One end of a two-way pipe of whole messages between two processes (a local stream socket).
/// A message on the wire: 8 bytes of length, native order, then that many bytes.
///
/// Threads: one may send while another receives.
class Channel {
 public:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;  ///< nothing: for ever

  static constexpr std::size_t kMessageLimit = std::size_t{256} << 20;

  explicit Channel(FileDescriptor socket) : socket_(std::move(socket)) {}

  /// A channel and its other end, for a child process. Throws kResourceLimit.
  static std::pair<Channel, FileDescriptor> make();

  /// Sends `text`, with a copy of `descriptor` unless it is -1.
  /// Returns false if the other end has gone. Throws kIo.
  bool send(std::string_view text, int descriptor = -1);

  /// The next message; nothing if the other end has gone, also in the middle of a message.
  /// Throws kTimeout, kIo, and kInvalidArgument for a message beyond kMessageLimit.
  std::optional<Message> receive(const Deadline& deadline = std::nullopt);

  int descriptor() const noexcept { return socket_.get(); }

 private:
  std::size_t receive_some(char* out, std::size_t size, FileDescriptor* descriptor,
                           const Deadline& deadline);
  bool receive_all(char* out, std::size_t size, FileDescriptor* descriptor,
                   const Deadline& deadline);

  FileDescriptor socket_;
};

}  // namespace h5flume
