#include "bench/storage/shared_work.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "core/channel.h"
#include "core/process.h"

namespace h5flume::bench {
namespace {

constexpr auto kWorkerFlag = "--work-on";
constexpr auto kDictName = "bench";

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void work_on(SharedDict& dict, Work work, std::uint64_t operations) {
  Keys keys;
  for (std::uint64_t i = 0; i < operations; ++i) {
    switch (work) {
      case Work::kReadHot:
        benchmark::DoNotOptimize(dict.get<std::int64_t>(keys.hot()));
        break;
      case Work::kReadRandom:
        benchmark::DoNotOptimize(dict.get<std::int64_t>(keys.next()));
        break;
      case Work::kWriteHot:
        dict.set(keys.hot(), i);
        break;
      case Work::kWrite:
        dict.set(keys.next(), i);
        break;
      case Work::kCount:
        dict.increment("counter");
        break;
    }
  }
}

}  // namespace

SharedBenchDict::SharedBenchDict() {
  std::string made = "/dev/shm/h5flume-bench-XXXXXX";
  if (!::mkdtemp(made.data())) throw std::runtime_error("no folder in /dev/shm");
  folder_ = made;
  dict_ = SharedDict::create(kDictName, {.folder = folder_});
  const Keys keys;
  dict_->transaction([&] {
    for (const auto& key : keys.all()) dict_->set(key, std::int64_t{0});
    dict_->set("counter", std::int64_t{0});
  });
}

SharedBenchDict::~SharedBenchDict() {
  dict_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

SharedDict SharedBenchDict::attach() const {
  return SharedDict::attach(kDictName, {.folder = folder_});
}

Keys::Keys() {
  for (std::size_t i = 0; i < kKeys; ++i) names_.push_back("key" + std::to_string(i));
  std::mt19937 random(1);
  for (std::size_t i = 0; i < kTurns; ++i) {
    order_.push_back(static_cast<std::uint16_t>(random() % kKeys));
  }
}

double run_processes(const SharedBenchDict& dict, Work work, int processes,
                     std::uint64_t operations) {
  std::vector<Channel> channels;
  std::vector<ChildProcess> children;
  for (int i = 0; i < processes; ++i) {
    auto [channel, other_end] = Channel::make();
    children.push_back(ChildProcess::spawn(
        {.path = "/proc/self/exe",
         .arguments = {kWorkerFlag, dict.folder(), std::to_string(static_cast<int>(work)),
                       std::to_string(operations), std::to_string(::getpid())},
         .descriptors = {other_end.get()}}));
    channels.push_back(std::move(channel));
  }
  const auto hear = [](Channel& channel) {
    auto message = channel.receive();
    if (!message) throw std::runtime_error("a process of the benchmark has died");
    return message->text;
  };
  for (auto& channel : channels) hear(channel);  // all are ready
  for (auto& channel : channels) channel.send("go");
  std::int64_t first = INT64_MAX;
  std::int64_t last = 0;
  for (auto& channel : channels) {
    std::istringstream times(hear(channel));
    std::int64_t begin = 0;
    std::int64_t end = 0;
    times >> begin >> end;
    first = std::min(first, begin);
    last = std::max(last, end);
  }
  return static_cast<double>(last - first) / 1e9;
}

std::optional<int> run_as_worker(int argc, char** argv) {
  if (argc != 6 || std::string(argv[1]) != kWorkerFlag) return std::nullopt;
  die_with_parent(std::atoi(argv[5]));
  Channel channel{FileDescriptor(3)};
  auto dict = SharedDict::attach(kDictName, {.folder = argv[2]});
  const auto work = static_cast<Work>(std::atoi(argv[3]));
  const std::uint64_t operations = std::strtoull(argv[4], nullptr, 10);
  work_on(dict, work, operations / 10);  // to warm up: the caller takes that into account
  channel.send("ready");
  if (!channel.receive()) return 1;
  const std::int64_t begin = now_ns();
  work_on(dict, work, operations);
  channel.send(std::to_string(begin) + " " + std::to_string(now_ns()));
  return 0;
}

}  // namespace h5flume::bench
