// The ring alone: how fast blocks pass through it, and how long one takes from commit() in one
// process to take() in another. Producers are processes, this program executed again, or threads.
//
// The consumer is the benchmark's thread: one iteration takes a block, touches a byte of it, if it
// has any, and releases it. docs/performance.md explains the figures.

#include <benchmark/benchmark.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/block_ring.h"
#include "core/process.h"

namespace h5flume {
namespace {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC: the same for all processes

constexpr const char* kProducerRole = "--produce";

// What a producer does for each block.
struct Work {
  bool fill = false;                   // writes every byte
  std::chrono::microseconds pause{0};  // before it commits, so that the consumer waits
  bool stamp = false;                  // puts the time of commit() into the block
};

void produce(BlockRing ring, WorkerId worker, const Work& work) {
  while (auto slot = ring.reserve(worker)) {
    const auto bytes = slot->bytes();
    if (work.fill) std::memset(bytes.data(), static_cast<int>(slot->ticket()), bytes.size());
    if (work.pause.count() > 0) std::this_thread::sleep_for(work.pause);
    if (work.stamp) {
      const std::int64_t now = Clock::now().time_since_epoch().count();
      std::memcpy(bytes.data(), &now, sizeof now);
    }
    std::move(*slot).commit(work.fill || work.stamp ? bytes.size() : 0);
  }
}

// A producer process: descriptor 3 is the ring, 4 counts those that have started.
int run_producer(char** arguments) {
  die_with_parent(::getppid());
  const WorkerId worker{static_cast<std::uint8_t>(std::atoi(arguments[0])), 0};
  const Work work{.fill = std::atoi(arguments[1]) != 0,
                  .pause = std::chrono::microseconds(std::atoi(arguments[2])),
                  .stamp = std::atoi(arguments[3]) != 0};
  auto ring = BlockRing::attach(FileDescriptor(3));
  if (::eventfd_write(4, 1) != 0) return 1;
  produce(std::move(ring), worker, work);
  return 0;
}

// Once it is made all of them run, so that none starts while the time is taken.
class Producers {
 public:
  Producers(const BlockRing& ring, int count, bool processes, const Work& work)
      : ring_(ring), started_(::eventfd(0, EFD_CLOEXEC)) {
    for (int i = 0; i < count; ++i) {
      if (processes) {
        processes_.push_back(ChildProcess::spawn(
            {.path = "/proc/self/exe",
             .arguments = {kProducerRole, std::to_string(i), std::to_string(work.fill),
                           std::to_string(work.pause.count()), std::to_string(work.stamp)},
             .unset_environment = {},
             .descriptors = {ring.descriptor(), started_.get()}}));
      } else {
        const WorkerId worker{static_cast<std::uint8_t>(i), 0};
        threads_.emplace_back([this, worker, work] {
          ::eventfd_write(started_.get(), 1);
          produce(ring_, worker, work);
        });
      }
    }
    for (eventfd_t started = 0, more = 0; started < static_cast<eventfd_t>(count);
         started += more) {
      if (::eventfd_read(started_.get(), &more) != 0) std::abort();
    }
  }
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;
  ~Producers() {
    ring_.stop();
    for (auto& thread : threads_) thread.join();
    for (auto& process : processes_) process.wait();
  }

 private:
  BlockRing ring_;
  FileDescriptor started_;
  std::vector<std::thread> threads_;
  std::vector<ChildProcess> processes_;
};

BlockRing make_ring(std::int64_t slots, std::int64_t block_bytes, bool ordered) {
  RingOptions options{.slot_count = static_cast<std::uint32_t>(slots),
                      .block_bytes = static_cast<std::size_t>(block_bytes),
                      .spin = std::chrono::microseconds{20}};  // as Streamer does
  if (ordered) options.window_end = [](std::uint64_t delivered) { return delivered + 1; };
  return BlockRing(std::move(options));
}

// The ring's memory has been touched.
void warm_up(BlockRing& ring) {
  for (std::uint32_t i = 0; i < 4 * ring.slot_count(); ++i) (void)ring.take();
}

// Arguments: producers, slots, bytes filled in each block (0: empty blocks), ordered, processes.
void blocks(benchmark::State& state) {
  const auto bytes = state.range(2);
  auto ring = make_ring(state.range(1), std::max<std::int64_t>(bytes, 1), state.range(3) != 0);
  const Producers producers(ring, static_cast<int>(state.range(0)), state.range(4) != 0,
                            {.fill = bytes > 0});
  warm_up(ring);
  for (auto _ : state) {
    const auto block = ring.take();
    const auto memory = block->bytes();
    if (!memory.empty()) benchmark::DoNotOptimize(std::byte(memory.front()));
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * bytes);
}

// Arguments: microseconds between blocks, processes. Without a pause both sides find each other
// looking; with one the consumer has gone to sleep, and is woken.
void hand_over(benchmark::State& state) {
  auto ring = make_ring(1, 64, false);
  const Producers producers(
      ring, 1, state.range(1) != 0,
      {.fill = false, .pause = std::chrono::microseconds(state.range(0)), .stamp = true});
  warm_up(ring);
  std::vector<std::int64_t> latencies;
  latencies.reserve(1 << 20);
  for (auto _ : state) {
    const auto block = ring.take();
    const std::int64_t now = Clock::now().time_since_epoch().count();
    std::int64_t committed = 0;
    std::memcpy(&committed, block->bytes().data(), sizeof committed);
    latencies.push_back(now - committed);
  }
  std::sort(latencies.begin(), latencies.end());
  const auto percentile = [&](double share) {
    return static_cast<double>(
        latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))]);
  };
  state.counters["p50_us"] = percentile(0.5) / 1000;
  state.counters["p99_us"] = percentile(0.99) / 1000;
}

constexpr std::int64_t kKiB = 1024;

void empty_blocks(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"producers", "slots", "bytes", "ordered", "processes"});
  for (const std::int64_t processes : {1, 0}) {
    for (const std::int64_t ordered : {0, 1}) {
      for (const std::int64_t producers : {1, 4}) {
        benchmark->Args({producers, 9, 0, ordered, processes});
        benchmark->Args({producers, 64, 0, ordered, processes});
      }
    }
  }
}

void filled_blocks(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"producers", "slots", "bytes", "ordered", "processes"});
  for (const std::int64_t bytes : {4 * kKiB, 128 * kKiB, 1024 * kKiB}) {
    for (const std::int64_t producers : {1, 2, 4}) {
      benchmark->Args({producers, 2 * producers + 1, bytes, 0, 1});
    }
  }
}

BENCHMARK(blocks)->Name("empty")->Apply(empty_blocks)->UseRealTime();
BENCHMARK(blocks)->Name("filled")->Apply(filled_blocks)->UseRealTime();
BENCHMARK(hand_over)
    ->ArgNames({"pause_us", "processes"})
    ->Args({0, 1})
    ->Args({200, 1})
    ->Args({0, 0})
    ->Args({200, 0})
    ->UseRealTime();

}  // namespace
}  // namespace h5flume

int main(int argc, char** argv) {
  if (argc == 6 && std::strcmp(argv[1], h5flume::kProducerRole) == 0) {
    return h5flume::run_producer(argv + 2);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
