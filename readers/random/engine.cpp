#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "readers/random/box_run_internal.h"
#include "readers/random/engine_internal.h"
#include "readers/random/open_dataset_internal.h"

namespace h5flume {
namespace {

namespace flow = tbb::flow;

using OperationPtr = std::shared_ptr<Operation>;
using RunPtr = std::shared_ptr<BoxRun>;  // messages are copied

// How many have left the window. No continue_msg, of which a node waits for one from each edge.
using Left = int;
constexpr Left kOne = 1;

// What takes less time than waking another thread.
constexpr std::uint64_t kMostBoxesAtOnce = 64;
constexpr std::size_t kMostBytesAtOnce = 64 << 10;
constexpr std::size_t kMostBytesToDecodeAtOnce = 1 << 10;

void fail_as_closed(Operation& operation) {
  operation.fail({ErrorCode::kCancelled, operation.spec().name() + ": the reader is closed"});
}

}  // namespace

// request -> in_turn -> window -> plan -> coalesce -> fetch -> decode -> scatter -> complete
//              ^           ^------------------|----------------------------------------'
//              '-- has more ------------------'
//
// A request comes back to the end of the queue with each run of boxes that is taken from it, so
// that a long one does not keep others waiting. The queue comes first: a node before it would be a
// task that threads with work of their own do not look at. At most `threads` runs are in the window
// at a time, so that memory is bounded. coalesce follows plan in the same thread, and decode,
// scatter and complete follow fetch.
class RequestEngine::Graph {
 public:
  explicit Graph(unsigned threads)
      : limit_(limit_for(threads)), arena_(static_cast<int>(threads + kForWaiting), kForWaiting) {
    arena_.execute([&] { nodes_.emplace(threads); });
  }

  void put(const OperationPtr& operation) { nodes_->in_turn.try_put(operation); }

  void wait() {
    arena_.execute([&] { nodes_->graph.wait_for_all(); });
  }

 private:
  using Coalesce = flow::multifunction_node<OperationPtr, std::tuple<OperationPtr, RunPtr, Left>,
                                            flow::lightweight>;

  struct Nodes {
    explicit Nodes(unsigned threads)
        : in_turn(graph),
          window(graph, threads),
          plan(graph, flow::unlimited, plan_request),
          coalesce(graph, flow::unlimited, next_run),
          fetch(graph, flow::unlimited, [](RunPtr run) { return run->fetch(), run; }),
          decode(graph, flow::unlimited, [](RunPtr run) noexcept { return run->decode(), run; }),
          scatter(graph, flow::unlimited, [](RunPtr run) noexcept { return run->scatter(), run; }),
          complete(graph, flow::unlimited, [](const RunPtr& run) noexcept {
            run->complete();
            return kOne;
          }) {
      flow::make_edge(in_turn, window);
      flow::make_edge(window, plan);
      flow::make_edge(plan, coalesce);
      flow::make_edge(flow::output_port<0>(coalesce), in_turn);  // has more
      flow::make_edge(flow::output_port<1>(coalesce), fetch);
      flow::make_edge(flow::output_port<2>(coalesce), window.decrementer());  // had none
      flow::make_edge(fetch, decode);
      flow::make_edge(decode, scatter);
      flow::make_edge(scatter, complete);
      flow::make_edge(complete, window.decrementer());
    }

    static OperationPtr plan_request(const OperationPtr& operation) noexcept {
      try {
        operation->plan();
      } catch (const std::exception& error) {
        operation->fail({ErrorCode::kOutOfMemory, error.what()});
      }
      return operation;
    }

    static void next_run(const OperationPtr& operation, Coalesce::output_ports_type& out) noexcept {
      try {
        std::vector<BoxJob> jobs;
        if (operation->next_run(jobs)) {
          auto run = std::make_shared<BoxRun>(operation, jobs);
          std::get<0>(out).try_put(operation);
          std::get<1>(out).try_put(std::move(run));
          return;
        }
      } catch (const std::exception& error) {
        operation->fail({ErrorCode::kOutOfMemory, error.what()});
      }
      std::get<2>(out).try_put(kOne);
    }

    template <class Output>
    using Next = flow::function_node<RunPtr, Output, flow::lightweight>;

    flow::graph graph;
    flow::queue_node<OperationPtr> in_turn;
    flow::limiter_node<OperationPtr, Left> window;
    flow::function_node<OperationPtr, OperationPtr> plan;
    Coalesce coalesce;
    flow::function_node<RunPtr, RunPtr> fetch;
    Next<RunPtr> decode;
    Next<RunPtr> scatter;
    Next<Left> complete;
  };

  static constexpr unsigned kForWaiting = 1;  // a place for the thread in wait()

  // TBB starts a thread for each core but one, which is the caller's, unless it is told otherwise.
  static std::optional<tbb::global_control> limit_for(unsigned threads) {
    constexpr auto kLimit = tbb::global_control::max_allowed_parallelism;
    if (threads < tbb::global_control::active_value(kLimit)) return std::nullopt;
    return std::optional<tbb::global_control>(std::in_place, kLimit, threads + 1);
  }

  std::optional<tbb::global_control> limit_;
  tbb::task_arena arena_;
  std::optional<Nodes> nodes_;
};

namespace {

// Whether all that is wanted is in memory, decoded, or can be read as it is stored, or nearly so.
bool is_at_hand(const Operation& operation) {
  const RequestSpec& spec = operation.spec();
  const BoxPlan& plan = spec.boxes->plan;
  if (plan.size() > kMostBoxesAtOnce || spec.bytes > kMostBytesAtOnce) return false;
  DatasetBoxes& boxes = spec.dataset->boxes();
  const chunks::DirectSource& source = boxes.grid().source();
  if (source.info.filters.empty()) return true;
  std::size_t to_decode = 0;
  for (std::uint64_t number = 0; number < plan.size(); ++number) {
    const std::uint64_t box = plan.box(number);
    if (boxes.grid().stored(box).address == hdf5::kMissing) continue;
    if (!boxes.cache().find_decoded(&source, box)) to_decode += boxes.grid().box_bytes();
    if (to_decode > kMostBytesToDecodeAtOnce) return false;
  }
  return true;
}

}  // namespace

RequestEngine::RequestEngine(unsigned threads) try : graph_(std::make_unique<Graph>(threads)) {
} catch (const std::exception& error) {
  throw Error(ErrorCode::kResourceLimit,
              std::string("start the threads of a reader: ") + error.what());
}

RequestEngine::~RequestEngine() { close(true); }

void RequestEngine::start(const std::shared_ptr<Operation>& operation) {
  if (is_closed()) {
    fail_as_closed(*operation);
  } else if (is_at_hand(*operation)) {
    serve_runs(operation);
  } else {
    put(operation);
  }
}

void RequestEngine::put(const std::shared_ptr<Operation>& operation) {
  remember(operation);
  if (!operation->is_done()) graph_->put(operation);
}

void RequestEngine::remember(const std::shared_ptr<Operation>& operation) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      if (open_.size() >= prune_at_) {
        std::erase_if(open_, [](const auto& known) {
          const auto still = known.lock();
          return !still || still->is_done();
        });
        prune_at_ = std::max<std::size_t>(64, 2 * open_.size());
      }
      open_.push_back(operation);
      return;
    }
  }
  fail_as_closed(*operation);
}

void RequestEngine::wait(const std::shared_ptr<Operation>& operation) {
  operation->wait_until_started({});
  serve_runs(operation);
  while (!operation->is_done() && serve_any()) {
  }
  operation->wait_until_done({});
}

// Serves one run of the oldest request that has one. False if there is none.
bool RequestEngine::serve_any() {
  std::vector<std::weak_ptr<Operation>> open;
  {
    const std::lock_guard lock(mutex_);
    open = open_;
  }
  return std::any_of(open.begin(), open.end(), [](const auto& known) {
    const auto operation = known.lock();
    return operation && serve_run(operation);
  });
}

std::shared_ptr<StageState> RequestEngine::take_stage(const std::shared_ptr<StagePoolState>& pool,
                                                      const RequestSpec& spec,
                                                      const Operation::Deadline& deadline) {
  {
    const std::lock_guard lock(mutex_);
    awaited_.push_back(pool);
  }
  auto stage = pool->take(deadline, [this] { return is_closed(); });
  {
    const std::lock_guard lock(mutex_);
    awaited_.erase(std::find(awaited_.begin(), awaited_.end(), pool));
  }
  if (!stage) require_open(spec);
  return stage;
}

void RequestEngine::require_open(const std::string& operation) const {
  if (is_closed()) throw Error(ErrorCode::kCancelled, operation + ": the reader is closed");
}

void RequestEngine::close(bool wait) {
  std::vector<std::weak_ptr<Operation>> open;
  std::vector<std::shared_ptr<StagePoolState>> awaited;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    open.swap(open_);
    awaited = awaited_;
  }
  for (const auto& pool : awaited) pool->wake_all();
  for (const auto& known : open) {
    if (const auto operation = known.lock()) fail_as_closed(*operation);
  }
  if (wait) graph_->wait();
}

}  // namespace h5flume
