#include "bench/readers/random_ways.h"

#include <deque>
#include <thread>
#include <utility>

#include "bench/readers/library_requests.h"

namespace h5flume::bench {
namespace {

Stage stage_for(const OpenForRequests& open, const Requests& requests) {
  return open.dataset.stage(open.dataset[requests.selection(0)]);
}

// Every `stride`-th request, for one thread.
Outcome through_stage_from(const OpenForRequests& open, const Requests& requests,
                           const TurnLimits& limits, std::size_t first, std::size_t stride) {
  const Stage stage = stage_for(open, requests);
  Turn turn(limits, requests.size(), first, stride);
  while (turn.goes_on()) {
    const auto begin = Turn::Clock::now();
    auto future = open.reader.request(open.dataset[requests.selection(turn.request())], stage);
    const StageView view = future.get_view();
    turn.served(begin, view.bytes());
  }
  return std::move(turn).outcome();
}

}  // namespace

OpenForRequests::OpenForRequests(const BenchFile& file, std::size_t cache_bytes)
    : reader(file.path, {.chunk_cache_bytes = cache_bytes}, {.index_folder = ""}),
      dataset(reader.dataset(file.dataset)) {}

Outcome through_stage(const OpenForRequests& open, const Requests& requests,
                      const TurnLimits& limits) {
  return through_stage_from(open, requests, limits, 0, 1);
}

Outcome into_buffer(const OpenForRequests& open, const Requests& requests,
                    const TurnLimits& limits) {
  std::vector<std::byte> buffer(open.dataset[requests.selection(0)].bytes());
  Turn turn(limits, requests.size());
  while (turn.goes_on()) {
    const auto begin = Turn::Clock::now();
    open.dataset[requests.selection(turn.request())].read_into(buffer);
    turn.served(begin, buffer);
  }
  return std::move(turn).outcome();
}

Outcome through_pool(const OpenForRequests& open, const Requests& requests,
                     const TurnLimits& limits) {
  struct UnderWay {
    Turn::Clock::time_point begin;
    Future future;
  };
  const Request first = open.dataset[requests.selection(0)];
  const std::size_t row_count = rows_of(requests.kind());
  const StagePool pool = open.dataset.stage_pool({row_count}, kPoolStages);
  std::deque<UnderWay> under_way;
  std::size_t next = 0;
  Turn turn(limits, requests.size());
  const std::size_t end = std::min(requests.size(), limits.requests);
  while (turn.goes_on()) {
    for (; next < end && under_way.size() < kPoolStages; ++next) {
      const auto begin = Turn::Clock::now();
      under_way.push_back(
          {begin, open.reader.request(open.dataset[requests.selection(next)], pool)});
    }
    UnderWay oldest = std::move(under_way.front());
    under_way.pop_front();
    const StageView view = oldest.future.get_view();
    turn.served(oldest.begin, view.bytes());
  }
  return std::move(turn).outcome();
}

Outcome by_threads(const OpenForRequests& open, unsigned thread_count, const Requests& requests,
                   const TurnLimits& limits) {
  std::vector<Outcome> outcomes(thread_count);
  std::vector<std::exception_ptr> errors(thread_count);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < thread_count; ++i) {
      threads.emplace_back([&, i] {
        try {
          outcomes[i] = through_stage_from(open, requests, limits, i, thread_count);
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
    }
  }
  Outcome all;
  for (unsigned i = 0; i < thread_count; ++i) {
    if (errors[i]) std::rethrow_exception(errors[i]);
    all.add(outcomes[i]);
  }
  return all;
}

std::vector<Way> ways_of_h5flume(std::shared_ptr<const OpenForRequests> open) {
  const auto way = [&](const char* name, auto take_turn) {
    return Way{name, [open, take_turn](const Requests& requests, const TurnLimits& limits) {
                 return take_turn(*open, requests, limits);
               }};
  };
  return {
      way("stage", through_stage), way("read_into", into_buffer), way("pool of 10", through_pool),
      way("2 threads", [](const auto& opened, const Requests& requests, const TurnLimits& limits) {
        return by_threads(opened, 2, requests, limits);
      })};
}

std::vector<Way> ways_of_libhdf5(const BenchFile& file, RequestKind kind) {
  using Batch = LibraryRequests::Batch;
  const auto library = std::make_shared<LibraryRequests>(file.path, file.dataset);
  const auto way = [&](const char* name, Batch batch) {
    return Way{name, [library, batch](const Requests& requests, const TurnLimits& limits) {
                 Turn turn(limits, requests.size());
                 while (turn.goes_on()) {
                   const auto begin = Turn::Clock::now();
                   turn.served(begin, library->read(requests, turn.request(), batch));
                 }
                 return std::move(turn).outcome();
               }};
  };
  if (kind != RequestKind::kBatch) return {way("H5Dread", Batch::kRowByRow)};
  return {way("H5Dread, row by row", Batch::kRowByRow), way("H5Dread, union", Batch::kUnion)};
}

}  // namespace h5flume::bench
