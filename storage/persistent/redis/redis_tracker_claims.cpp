// Claims of a RedisTracker: given out, settled, renewed.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "storage/persistent/redis/redis_tracker_internal.h"

namespace h5flume::redis {
namespace {

using Argument = Session::Argument;

std::string_view name_of(Settlement::Kind kind) noexcept {
  switch (kind) {
    case Settlement::Kind::kComplete:
      return "complete";
    case Settlement::Kind::kFail:
      return "fail";
    case Settlement::Kind::kRelease:
      return "release";
  }
  return {};
}

std::vector<std::string> tokens_of(std::span<const Settlement> settlements) {
  std::vector<std::string> tokens;
  tokens.reserve(settlements.size());
  for (const auto& settlement : settlements) tokens.push_back(std::to_string(settlement.token));
  return tokens;
}

// Runs `step` for some thousand settlements at a time, and gathers the positions that it returns.
template <class Step>
std::vector<std::size_t> in_steps(std::span<const Settlement> settlements, const Step& step) {
  std::vector<std::size_t> lost;
  for (std::size_t first = 0; first < settlements.size(); first += kMostTasks) {
    const auto some = settlements.subspan(first, std::min(kMostTasks, settlements.size() - first));
    const Reply positions = step(some);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      lost.push_back(first + static_cast<std::size_t>(positions[i].integer()));
    }
  }
  return lost;
}

// Two numbers come first, then five parts for each task: claim.lua.
void append_claimed(const Reply& reply, std::vector<ClaimedTask>& claimed) {
  constexpr std::size_t kParts = 5;
  for (std::size_t i = 2; i + kParts <= reply.size(); i += kParts) {
    claimed.push_back({.sequence = reply[i].unsigned_integer(),
                       .key = std::string(reply[i + 1].text()),
                       .value = std::string(reply[i + 2].text()),
                       .tries = reply[i + 3].unsigned_integer(),
                       .token = reply[i + 4].unsigned_integer()});
  }
}

std::string milliseconds_of(std::chrono::milliseconds time) {
  constexpr std::int64_t kLongest = std::int64_t{1} << 42;  // more than a century
  return std::to_string(std::clamp<std::int64_t>(time.count(), 0, kLongest));
}

}  // namespace

std::string random_owner() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

// --- giving out ---------------------------------------------------------------------------------

// A claim that goes on over several scripts.
struct RedisTracker::ClaimStep {
  std::vector<ClaimedTask> claimed;
  std::uint64_t after = 0;  // number of the last task looked at, if they are looked at in order
  bool more = true;
};

std::vector<ClaimedTask> RedisTracker::claim(const ClaimRequest& request) {
  if (request.count == 0) return {};
  session_.check_process();
  const std::lock_guard lock(claims_);
  start_heartbeat();
  ClaimStep step{.claimed = {}, .after = request.after.value_or(0)};
  while (step.more && step.claimed.size() < request.count) claim_step(request, step);
  if (!step.claimed.empty()) last_token_ = step.claimed.back().token;
  return std::move(step.claimed);
}

void RedisTracker::claim_step(const ClaimRequest& request, ClaimStep& step) {
  const auto wanted = std::min(request.count - step.claimed.size(), kMostTasks);
  const auto alive = milliseconds_of(session_.address().alive);
  const auto lease = milliseconds_of(request.lease);
  const auto count = std::to_string(wanted);
  const auto most = std::to_string(kMostLooks);
  const auto what = request.key ? *request.key : std::to_string(step.after);
  const auto heard = std::to_string(step.claimed.empty() ? last_token_ : step.claimed.back().token);
  const std::string_view which = request.key ? "key" : request.after ? "after" : "due";
  const std::string_view aborted = request.allow_aborted ? "1" : "0";
  const auto ask = [&] {
    const bool lost = std::exchange(claim_was_lost_, true);
    const std::array<Argument, 9> arguments{owner_, alive,   lease,
                                            count,  aborted, most,
                                            which,  what,    lost ? Argument(heard) : Argument()};
    auto reply = write(kClaim, arguments, Repeat::kNo);
    claim_was_lost_ = false;
    return reply;
  };
  const auto reply = [&] {
    try {
      return ask();
    } catch (const ConnectionLost&) {
      return ask();
    }
  }();
  const auto before = step.claimed.size();
  append_claimed(reply, step.claimed);
  step.after = reply[0].unsigned_integer();
  step.more = request.after ? reply[1].integer() != 0 : step.claimed.size() - before == wanted;
}

void RedisTracker::start_heartbeat() {
  if (heartbeat_ || read_only_) return;
  heartbeat_ = std::make_unique<Heartbeat>(session_.address(), session_.key("owner:" + owner_));
}

// --- settling -----------------------------------------------------------------------------------

std::vector<std::size_t> RedisTracker::settle(std::span<const Settlement> settlements) {
  return in_steps(settlements, [&](std::span<const Settlement> some) {
    const auto tokens = tokens_of(some);
    std::vector<Argument> arguments;
    for (std::size_t i = 0; i < some.size(); ++i) {
      arguments.insert(arguments.end(),
                       {some[i].key, tokens[i], name_of(some[i].kind), some[i].text});
    }
    return write(kSettle, arguments, Repeat::kYes);
  });
}

std::vector<std::size_t> RedisTracker::renew(std::span<const Settlement> claims,
                                             std::chrono::milliseconds lease) {
  session_.check_process();
  const std::lock_guard lock(claims_);
  start_heartbeat();  // the claims may be those of another tracker, and are this one's from now on
  const auto alive = milliseconds_of(session_.address().alive);
  const auto time = milliseconds_of(lease);
  return in_steps(claims, [&](std::span<const Settlement> some) {
    const auto tokens = tokens_of(some);
    std::vector<Argument> arguments{owner_, alive, time};
    for (std::size_t i = 0; i < some.size(); ++i) {
      arguments.insert(arguments.end(), {some[i].key, tokens[i]});
    }
    return write(kRenew, arguments, Repeat::kYes);
  });
}

}  // namespace h5flume::redis
