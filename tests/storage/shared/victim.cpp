#include "tests/storage/shared/victim.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "core/error.h"

namespace h5flume::test {
namespace {

constexpr std::string_view kDump = "-dump";

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

// Fills the stream until there is room for less than `bytes` more.
void fill_stream(SharedDict& dict, std::size_t bytes) {
  dict.dump();
  const auto left = [&] {
    const auto status = dict.status();
    return status.stream_capacity - status.stream_bytes;
  };
  while (left() >= 2 * bytes + 64) dict.set("fill", std::string(bytes, 'f'));
  while (left() >= 40) dict.set("fill", "");
}

}  // namespace

std::vector<std::string> operations() {
  std::vector<std::string> all;
  for (const std::string base : {"set", "set-new", "erase", "increment", "transaction", "clear",
                                 "swap", "update", "nested"}) {
    all.push_back(base);
    all.push_back(base + std::string(kDump));
  }
  all.emplace_back("dump");
  return all;
}

void perform(SharedDict& dict, const std::string& operation) {
  std::string name = operation;
  if (name.ends_with(kDump) && name != "dump") name.resize(name.size() - kDump.size());
  if (name == "set") {
    dict.set("x", "the new value");
  } else if (name == "set-new") {
    dict.set("another", std::string(100, 'n'));
  } else if (name == "erase") {
    dict.erase("x");
  } else if (name == "increment") {
    dict.increment("n", 5);
  } else if (name == "transaction") {
    dict.transaction([&] {
      dict.set("x", 1);
      dict.erase("n");
      dict.set("m", std::string(200, 'm'));
    });
  } else if (name == "clear") {
    dict.clear();
  } else if (name == "swap") {
    if (!dict.compare_and_swap("n", 1, "swapped")) throw std::logic_error("no swap");
  } else if (name == "update") {
    dict.update(Json{{"x", 1}, {"y", 2}, {"z", {1, 2, 3}}});
  } else if (name == "nested") {
    dict.nested("in").set("deep", "er");
  } else if (name == "dump") {
    dict.dump();
  } else if (name == "lock") {
    dict.lock().release();
  } else if (name == "attach") {
    dict.another().close();
  } else if (name == "unlink") {
    dict.unlink();
  } else if (name == "create") {
    SharedDict::create("b", {.folder = dict.options().folder}).close();
  } else if (name == "hold") {
    const auto lock = dict.lock();
    ::raise(SIGSTOP);
  } else {
    throw std::invalid_argument(operation);
  }
}

Expected prepare(SharedDict& dict, const std::string& operation) {
  dict.update(Json{{"x", "the old value"}, {"n", 1}, {"list", {1, 2}}});
  dict.make_nested("in").set("deep", "down");
  if (operation.ends_with(kDump) && operation != "dump") fill_stream(dict, 16);
  Expected expected{.before = dict.to_json(), .after = {}};
  // In a dict of this process alone.
  auto other = SharedDict::create("", {.folder = dict.options().folder});
  for (const auto& [key, value] : dict.items()) {
    if (key == "in") {
      other.make_nested(key).update(value);
    } else {
      other.set(key, SharedInput(value));
    }
  }
  if (operation != "unlink") perform(other, operation);
  expected.after = other.to_json();
  return expected;
}

std::string wrong_after(const Expected& expected, SharedDict& dict, const std::string& folder,
                        Seen seen) {
  try {
    // Not by the handle that was there before: it shows what it showed.
    auto later = dict.another();
    const Json state = later.to_json();
    if (state != expected.before && state != expected.after) return "it is " + state.dump();
    if (dict.to_json() != state) return "two disagree";
    if (seen == Seen::kBefore) return {};
    later.set("after", 1);
    dict.set("after", 2);
    if (later.get<int>("after") != 2) return "a write is lost";
    dict.erase("after");
    const Json now = later.to_json();
    if (now != state && now != expected.after) return "it became " + now.dump();
    later.set("large", std::string(3000, 'l'));
    if (dict.get<std::string>("large") != std::string(3000, 'l')) return "a large write is lost";
    dict.erase("large");
    later.dump();
    if (dict.to_json() != now || dict.another().to_json() != now) return "a dump is wrong";
    if (files_in(folder) != 2) return "a segment was left behind";
    if (dict.status().attached.size() != 2) return "the dead are still attached";
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace h5flume::test
