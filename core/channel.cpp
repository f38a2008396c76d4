#include "core/channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace h5flume {
namespace {

// Room for one descriptor in a message's control data.
union ControlBuffer {
  char bytes[CMSG_SPACE(sizeof(int))];
  cmsghdr alignment;
};

void wait_until_readable(int socket, const Channel::Deadline& deadline) {
  using std::chrono::milliseconds;
  for (;;) {
    int timeout_ms = -1;
    if (deadline) {
      const auto left =
          std::chrono::ceil<milliseconds>(*deadline - std::chrono::steady_clock::now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
    }
    pollfd readable{socket, POLLIN, 0};
    const int ready = ::poll(&readable, 1, timeout_ms);
    if (ready > 0) return;
    if (ready == 0) throw Error(ErrorCode::kTimeout, "receive a message: no answer in time");
    if (errno != EINTR) throw_system_error("receive a message", errno);
  }
}

FileDescriptor descriptor_in(const msghdr& header) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&header), control)) {
    if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(control), sizeof descriptor);
      return FileDescriptor(descriptor);
    }
  }
  return FileDescriptor();
}

}  // namespace

std::pair<Channel, FileDescriptor> Channel::make() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw_system_error("make a channel to a worker", errno);
  }
  return {Channel(FileDescriptor(ends[0])), FileDescriptor(ends[1])};
}

bool Channel::send(std::string_view text, int descriptor) {
  const std::uint64_t length = text.size();
  std::string frame(reinterpret_cast<const char*>(&length), sizeof length);
  frame += text;

  ControlBuffer control{};
  for (std::size_t sent = 0; sent < frame.size();) {
    iovec data{frame.data() + sent, frame.size() - sent};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (descriptor >= 0 && sent == 0) {
      header.msg_control = control.bytes;
      header.msg_controllen = sizeof control.bytes;
      cmsghdr* entry = CMSG_FIRSTHDR(&header);
      entry->cmsg_level = SOL_SOCKET;
      entry->cmsg_type = SCM_RIGHTS;
      entry->cmsg_len = CMSG_LEN(sizeof descriptor);
      std::memcpy(CMSG_DATA(entry), &descriptor, sizeof descriptor);
    }
    const ssize_t result = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
    if (result >= 0) {
      sent += static_cast<std::size_t>(result);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return false;
    } else if (errno != EINTR) {
      throw_system_error("send a message", errno);
    }
  }
  return true;
}

std::size_t Channel::receive_some(char* out, std::size_t size, FileDescriptor* descriptor,
                                  const Deadline& deadline) {
  for (;;) {
    wait_until_readable(socket_.get(), deadline);
    iovec data{out, size};
    ControlBuffer control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    const ssize_t result = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (result >= 0) {
      if (auto received = descriptor_in(header)) *descriptor = std::move(received);
      return static_cast<std::size_t>(result);
    }
    if (errno == ECONNRESET) return 0;
    if (errno != EINTR && errno != EAGAIN) throw_system_error("receive a message", errno);
  }
}

bool Channel::receive_all(char* out, std::size_t size, FileDescriptor* descriptor,
                          const Deadline& deadline) {
  for (std::size_t received = 0; received < size;) {
    const std::size_t count = receive_some(out + received, size - received, descriptor, deadline);
    if (count == 0) return false;
    received += count;
  }
  return true;
}

std::optional<Message> Channel::receive(const Deadline& deadline) {
  Message message;
  std::uint64_t length = 0;
  if (!receive_all(reinterpret_cast<char*>(&length), sizeof length, &message.descriptor,
                   deadline)) {
    return std::nullopt;
  }
  if (length > kMessageLimit) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("receive a message: {} bytes are more than {}", length, kMessageLimit));
  }
  message.text.resize(length);
  if (!receive_all(message.text.data(), length, &message.descriptor, deadline)) {
    return std::nullopt;
  }
  return message;
}

}  // namespace h5flume
