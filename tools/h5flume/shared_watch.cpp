#include "tools/h5flume/shared_watch.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>

namespace h5flume::cli {
namespace {

// A wait for a change does not end by a signal, nor by an unlinking.
constexpr std::chrono::milliseconds kBetweenLooks{100};

// What a dict held when it was looked at last, or one of its keys.
class Watched {
 public:
  Watched(const SharedDict& dict, std::optional<SharedKey> key)
      : dict_(dict), key_(std::move(key)), seen_(look()) {}

  // Calls `tell` with each key whose value is another than before, in some order; without a value
  // if it is not there any more. Until that returns false.
  template <class Tell>
  bool tell_changes(const Tell& tell) {
    auto now = look();
    for (const auto& [key, value] : now) {
      const auto before = seen_.find(key);
      if (before != seen_.end() && before->second == value) continue;
      if (!tell(key, &value)) return false;
    }
    for (const auto& [key, value] : seen_) {
      if (!now.contains(key) && !tell(key, nullptr)) return false;
    }
    seen_ = std::move(now);
    return true;
  }

 private:
  std::map<SharedKey, Json> look() const {
    std::map<SharedKey, Json> found;
    if (key_) {
      if (auto value = dict_.get(*key_)) found.emplace(*key_, std::move(*value));
    } else {
      for (auto& item : dict_.items()) found.emplace(item.key, std::move(item.value));
    }
    return found;
  }

  const SharedDict& dict_;
  const std::optional<SharedKey> key_;
  std::map<SharedKey, Json> seen_;
};

void print_change(const SharedKey& key, const Json* value, bool json) {
  constexpr auto kReplace = Json::error_handler_t::replace;
  if (json) {
    Json line{{"key", to_json(key)}};
    if (value) {
      line["value"] = *value;
    } else {
      line["erased"] = true;
    }
    fmt::print("{}\n", line.dump(-1, ' ', false, kReplace));
  } else {
    fmt::print("{}\t{}\n", to_json(key).dump(-1, ' ', false, kReplace),
               value ? value->dump(-1, ' ', false, kReplace) : "");
  }
}

}  // namespace

void watch_shared(const SharedArguments& arguments, Context& context) {
  const SignalWatch::Action note_signal(context.signals, [] {});
  const SharedDict dict = arguments.attach_nested();
  std::uint64_t version = dict.version();
  Watched watched(dict, arguments.whole ? std::nullopt : std::optional(arguments.key()));
  std::uint64_t left = arguments.limit;
  const auto tell = [&](const SharedKey& key, const Json* value) {
    print_change(key, value, context.json);
    return --left > 0;
  };
  for (bool unlinked = false;; unlinked = dict.status().unlinked) {
    context.signals.check();
    const auto changed =
        dict.wait_for_change(version, unlinked ? decltype(kBetweenLooks)(0) : kBetweenLooks);
    if (changed) {
      version = *changed;
      if (!watched.tell_changes(tell)) return;
      std::fflush(stdout);  // for who reads from a pipe
    } else if (unlinked) {
      return;
    }
  }
}

}  // namespace h5flume::cli
