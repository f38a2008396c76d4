// Opening, numbers and waiting.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "storage/persistent/redis/redis_tracker_internal.h"

namespace h5flume::redis {
namespace {

using Argument = Session::Argument;

constexpr std::string_view kServerFormat = "1";

// Of who waits without a deadline; then the server is asked again.
constexpr std::chrono::milliseconds kLongestWait = std::chrono::hours(1);

double number_of(std::string_view text) {
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) {
    throw Error(ErrorCode::kCorruptData, "the Redis server has a backoff factor that is no number");
  }
  return value;
}

}  // namespace

// --- opening ------------------------------------------------------------------------------------

RedisTracker::RedisTracker(Address address, const TrackerOptions& options)
    : read_only_(options.read_only),
      session_(std::move(address)),
      subscriptions_(session_.address(), session_.key("changes")),
      owner_(random_owner()) {
  open(options);
  if (!read_only_) tidy();
}

// The heartbeat's thread is not in a child by fork(), where there is nothing to be waited for.
RedisTracker::~RedisTracker() {
  if (session_.process().was_forked()) static_cast<void>(heartbeat_.release());
}

void RedisTracker::open(const TrackerOptions& options) {
  const auto text = [](const auto& value) { return fmt::format("{}", value); };
  const auto max_tries = options.max_tries ? text(*options.max_tries) : std::string();
  std::array<std::string, 3> backoff;
  if (options.backoff) {
    backoff = {text(options.backoff->first.count()), text(options.backoff->factor),
               text(options.backoff->longest.count())};
  }
  const bool create = options.create && !read_only_;
  const auto kept = session_.run(
      kOpen,
      std::array<Argument, 7>{kServerFormat, create ? "1" : "0", read_only_ ? "0" : "1", max_tries,
                              backoff[0], backoff[1], backoff[2]},
      Repeat::kYes);
  if (kept.is_nothing()) {
    throw Error(ErrorCode::kNotFound, fmt::format("open {}: it is not there", session_.what()));
  }
  if (kept.text() != kServerFormat) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("open {}: it has version '{}' of the layout, and this h5flume knows "
                            "version {}",
                            session_.what(), kept.text(), kServerFormat));
  }
}

// What is left to do from an opening or a clear() that has not come to its end is done too.
void RedisTracker::tidy() {
  const auto most = std::to_string(kMostTasks);
  while (session_.run(kTidy, std::array<Argument, 1>{most}, Repeat::kYes).integer() != 0) {
  }
}

Reply RedisTracker::read(const Script& script, std::span<const Argument> arguments) {
  return session_.run(script, arguments, Repeat::kYes);
}

Reply RedisTracker::write(const Script& script, std::span<const Argument> arguments,
                          Repeat repeat) {
  if (read_only_) {
    throw Error(ErrorCode::kRefused,
                fmt::format("change {}: it was opened only for reading", session_.what()));
  }
  return session_.run(script, arguments, repeat);
}

// --- numbers ------------------------------------------------------------------------------------

TrackerStatus RedisTracker::status() {
  const auto kept = read(kStatus, {});
  return {.total = kept[0].unsigned_integer(),
          .todo = kept[1].unsigned_integer(),
          .leased = kept[2].unsigned_integer(),
          .done = kept[3].unsigned_integer(),
          .aborted = kept[4].unsigned_integer(),
          .exhausted = kept[5].unsigned_integer(),
          .tried = kept[6].unsigned_integer(),
          .tries = kept[7].unsigned_integer()};
}

TrackerSettings RedisTracker::settings() {
  const auto kept = read(kStatus, {});
  return {.max_tries = kept[8].unsigned_integer(),
          .backoff = {.first = std::chrono::milliseconds(kept[9].integer()),
                      .factor = number_of(kept[10].text()),
                      .longest = std::chrono::milliseconds(kept[11].integer())}};
}

// The server's own settings say when what it has been told is on its disk.
void RedisTracker::sync() { session_.check_process(); }

// --- waiting ------------------------------------------------------------------------------------

std::uint64_t RedisTracker::change_count() { return read(kWatch, {})[0].unsigned_integer(); }

void RedisTracker::wait(std::uint64_t seen,
                        std::optional<std::chrono::steady_clock::time_point> deadline) {
  session_.check_process();
  subscriptions_.wait([&]() -> Subscriptions::Until {
    const auto watched = read(kWatch, {});
    if (watched[0].unsigned_integer() != seen) return std::nullopt;
    const std::chrono::milliseconds next(watched[1].integer());  // negative: nothing is to come
    const auto rest = next.count() < 0 ? kLongestWait : std::min(next, kLongestWait);
    const auto until = std::chrono::steady_clock::now() + rest;
    return deadline ? std::min(until, *deadline) : until;
  });
}

}  // namespace h5flume::redis

namespace h5flume {

std::unique_ptr<TrackerStore> open_redis_tracker(const std::string& address,
                                                 const TrackerOptions& options) {
  return std::make_unique<redis::RedisTracker>(redis::parse_address(address), options);
}

}  // namespace h5flume
