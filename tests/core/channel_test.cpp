#include "core/channel.h"

#include <unistd.h>

#include <thread>

#include "core/error.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

struct Pair {
  Pair() : Pair(Channel::make()) {}
  Channel one;
  Channel other;

 private:
  explicit Pair(std::pair<Channel, FileDescriptor> ends)
      : one(std::move(ends.first)), other(std::move(ends.second)) {}
};

}  // namespace

TEST_CASE("messages arrive whole and in order, whatever their size", "[core][channel]") {
  Pair ends;
  const std::string large(3'000'000, 'x');
  std::thread sender([&] {
    for (const auto& text : {std::string(), std::string("short"), large}) ends.one.send(text);
  });
  CHECK(ends.other.receive()->text.empty());
  CHECK(ends.other.receive()->text == "short");
  CHECK(ends.other.receive()->text == large);
  sender.join();
}

TEST_CASE("a descriptor travels with a message", "[core][channel]") {
  Pair ends;
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const FileDescriptor reader(pipe_ends[0]);
  {
    const FileDescriptor writer(pipe_ends[1]);
    ends.one.send("take this", writer.get());
  }
  auto message = ends.other.receive();
  REQUIRE(message->descriptor);
  CHECK(::write(message->descriptor.get(), "!", 1) == 1);
  char byte = 0;
  CHECK(::read(reader.get(), &byte, 1) == 1);
  CHECK(byte == '!');
}

TEST_CASE("a closed end is an answer, not an error", "[core][channel]") {
  auto [one, descriptor] = Channel::make();
  SECTION("between messages") { descriptor.reset(); }
  SECTION("within a message") {
    const std::uint64_t length = 100;
    REQUIRE(::write(descriptor.get(), &length, sizeof length) == sizeof length);
    REQUIRE(::write(descriptor.get(), "part", 4) == 4);
    descriptor.reset();
  }
  CHECK_FALSE(one.receive());
  CHECK_FALSE(one.send("to nobody"));
}

TEST_CASE("a message that does not come in time is a timeout", "[core][channel]") {
  Pair ends;
  CHECK_THROWS_WITH(ends.one.receive(std::chrono::steady_clock::now() + 5ms),
                    contains("no answer in time"));
}

TEST_CASE("a message of absurd length is refused before memory is taken for it",
          "[core][channel]") {
  auto [one, descriptor] = Channel::make();
  const std::uint64_t length = std::uint64_t{1} << 60;
  REQUIRE(::write(descriptor.get(), &length, sizeof length) == sizeof length);
  CHECK_THROWS_AS(one.receive(), Error);
}
