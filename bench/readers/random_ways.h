#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/readers/bench_files.h"
#include "bench/readers/requests.h"
#include "bench/readers/turn.h"
#include "readers/random/reader.h"

namespace h5flume::bench {

/// One way of serving requests: a turn of it.
struct Way {
  std::string name;  ///< in tables
  std::function<Outcome(const Requests&, const TurnLimits&)> take_turn;
  bool delivers = true;  ///< what was asked for, and not something else that costs as much
};

/// How many stages of a pool have a request at any time.
inline constexpr std::size_t kPoolStages = 10;

/// A dataset that is open for random access; no index of it is kept.
struct OpenForRequests {
  OpenForRequests(const BenchFile& file, std::size_t cache_bytes);

  Reader reader;
  Dataset dataset;
};

/// One request at a time through a stage: request() and get_view().
Outcome through_stage(const OpenForRequests& open, const Requests& requests,
                      const TurnLimits& limits);

/// One request at a time by Request::read_into().
Outcome into_buffer(const OpenForRequests& open, const Requests& requests,
                    const TurnLimits& limits);

/// From one thread through a pool whose stages all have a request: latency is from request() to
/// the view, in the order of the requests.
Outcome through_pool(const OpenForRequests& open, const Requests& requests,
                     const TurnLimits& limits);

/// As through_stage(), by `threads` threads at once, each of which has a stage.
Outcome by_threads(const OpenForRequests& open, unsigned threads, const Requests& requests,
                   const TurnLimits& limits);

/// The ways of h5flume, all with one Reader.
std::vector<Way> ways_of_h5flume(std::shared_ptr<const OpenForRequests> open);

/// H5Dread; of a batch row by row, and as a union of hyperslabs.
std::vector<Way> ways_of_libhdf5(const BenchFile& file, RequestKind kind);

}  // namespace h5flume::bench
