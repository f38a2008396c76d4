#include <mutex>
#include <thread>
#include <utility>

#include "readers/stream/fill_blocks.h"
#include "readers/stream/start_thread_internal.h"
#include "readers/stream/workers_internal.h"
#include "readers/worker/isolated_dataset.h"

namespace h5flume {
namespace {

// Each thread has a reader of its own. Those that read directly do not wait for each other; libhdf5
// does one call at a time.
class ThreadWorkers final : public Workers {
 public:
  explicit ThreadWorkers(const WorkersOptions& options) {
    readers_.push_back(open(options));
    while (readers_.size() < options.count) readers_.push_back(readers_.front()->clone());
  }
  ~ThreadWorkers() override { close(); }

  hdf5::DatasetInfo opened() override { return readers_.front()->info(); }

  void start(const BlockRing& ring, const BlockPlan& plan,
             const std::optional<FilterPlan>& wanted) override {
    ring_ = ring;
    std::optional<RowFilter> filter;
    if (wanted) filter.emplace(*wanted, readers_.front()->info());
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const WorkerId worker{static_cast<std::uint8_t>(i), 0};
      auto fill = [worker, plan, filter, ring = BlockRing(ring), &reader = *readers_[i]]() mutable {
        fill_blocks(ring, worker, plan, filter, reader);
      };
      threads_.push_back(start_thread(std::move(fill)));
    }
  }

  void finish() noexcept override {
    if (ring_) ring_->stop();
  }

  void close() noexcept override {
    finish();
    const std::lock_guard lock(closing_);
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  std::optional<Error> failure() const override { return std::nullopt; }
  std::vector<int> pids() const override { return {}; }
  std::vector<LiveWorker> alive() const override {
    std::vector<LiveWorker> alive;
    if (!ring_ || ring_->stopped()) return alive;
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      alive.push_back({static_cast<std::uint8_t>(i), 0});
    }
    return alive;
  }
  std::uint64_t restarts() const override { return 0; }

 private:
  // A file that is not trusted is looked at in another process first. Only what no index serves is
  // then opened by libhdf5 here.
  static std::unique_ptr<RowReader> open(const WorkersOptions& options) {
    if (options.reader) return options.reader->clone();
    if (!options.worker.trusted && options.open.direct) {
      auto isolated = index_isolated(options.file, options.dataset, options.open, options.worker,
                                     options.open_timeout);
      if (isolated.index) return open_by_index(*std::move(isolated.index), options.open);
    }
    return open_row_reader(options.file, options.dataset, options.open);
  }

  std::vector<std::unique_ptr<RowReader>> readers_;
  std::optional<BlockRing> ring_;
  std::mutex closing_;  // guards the joining of threads_
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Workers> make_thread_workers(const WorkersOptions& options) {
  return std::make_unique<ThreadWorkers>(options);
}

}  // namespace h5flume
