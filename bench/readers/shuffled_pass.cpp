#include "bench/readers/shuffled_pass.h"

#include <libdeflate.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <numeric>
#include <random>
#include <span>
#include <utility>

#include "bench/readers/requests.h"
#include "readers/random/reader.h"
#include "readers/stream/streamer.h"

namespace h5flume::bench {
namespace {

constexpr std::uint64_t kWindowBytes = 96 << 20;
constexpr std::size_t kStages = 4;

// Counts from its construction.
class WholePassClock {
 public:
  WholePassClock(std::size_t row_bytes, bool sums_up) : row_bytes_(row_bytes), sums_up_(sums_up) {}

  void add(std::span<const std::byte> rows) {
    [[maybe_unused]] const volatile std::byte touched = rows.front();
    bytes_ += rows.size();
    if (!sums_up_) return;
    for (; !rows.empty(); rows = rows.subspan(row_bytes_)) {
      sum_ += libdeflate_crc32(0, rows.data(), row_bytes_);
    }
  }

  WholePass result() const {
    const std::chrono::duration<double> taken = Clock::now() - start_;
    return {static_cast<double>(bytes_) / 1e6 / taken.count(), sum_};
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::size_t row_bytes_;
  bool sums_up_;
  Clock::time_point start_ = Clock::now();
  std::uint64_t bytes_ = 0;
  std::uint64_t sum_ = 0;
};

// Of one window; none beyond the last.
std::vector<Request> requests_of(const ShuffledOrder& order, std::size_t window,
                                 const Dataset& dataset) {
  std::vector<Request> requests;
  if (window == order.windows()) return requests;
  for (auto batch = order.first_batch(window); batch < order.first_batch(window + 1); ++batch) {
    requests.push_back(dataset[list(order.batch(batch))]);
  }
  return requests;
}

}  // namespace

ShuffledOrder::ShuffledOrder(const BenchFile& file) {
  const Reader reader(file.path, {}, {.index_folder = ""});
  const hdf5::DatasetInfo info = reader.dataset(file.dataset).info();
  const std::uint64_t chunk_rows = info.chunk.empty() ? 1 : info.chunk.front();
  const std::uint64_t window_rows =
      std::max<std::uint64_t>(kWindowBytes / info.row_bytes() / chunk_rows, 1) * chunk_rows;
  row_bytes_ = info.row_bytes();
  rows_.resize(info.row_count());
  std::iota(rows_.begin(), rows_.end(), std::int64_t{0});
  std::mt19937_64 random(4);
  for (std::size_t begin = 0; begin < rows_.size(); begin += window_rows) {
    const std::size_t end = std::min<std::size_t>(begin + window_rows, rows_.size());
    std::shuffle(rows_.begin() + static_cast<std::ptrdiff_t>(begin),
                 rows_.begin() + static_cast<std::ptrdiff_t>(end), random);
    window_begins_.push_back(batch_begins_.size());
    for (std::size_t batch = begin; batch < end; batch += rows_of(RequestKind::kBatch)) {
      batch_begins_.push_back(batch);
    }
  }
  window_begins_.push_back(batch_begins_.size());
  batch_begins_.push_back(rows_.size());
}

std::vector<std::int64_t> ShuffledOrder::batch(std::size_t number) const {
  return {rows_.begin() + static_cast<std::ptrdiff_t>(batch_begins_[number]),
          rows_.begin() + static_cast<std::ptrdiff_t>(batch_begins_[number + 1])};
}

WholePass read_shuffled(const BenchFile& file, const ShuffledOrder& order, bool sums_up) {
  WholePassClock clock(order.row_bytes(), sums_up);
  const Reader reader(file.path, {}, {.index_folder = ""});
  const Dataset dataset = reader.dataset(file.dataset);
  const StagePool pool = dataset.stage_pool({rows_of(RequestKind::kBatch)}, kStages);
  std::deque<Future> under_way;
  const auto take_oldest = [&] {
    clock.add(under_way.front().get_view().bytes());
    under_way.pop_front();
  };
  auto next = requests_of(order, 0, dataset);
  reader.readahead(next);
  for (std::size_t window = 0; window < order.windows(); ++window) {
    const auto requests = std::exchange(next, requests_of(order, window + 1, dataset));
    reader.readahead(next);
    for (const Request& request : requests) {
      if (under_way.size() == kStages) take_oldest();
      under_way.push_back(reader.request(request, pool));
    }
  }
  while (!under_way.empty()) take_oldest();
  return clock.result();
}

WholePass read_in_order(const BenchFile& file, std::size_t row_bytes, bool sums_up) {
  WholePassClock clock(row_bytes, sums_up);
  const Streamer streamer(file.path, {.index_folder = ""});
  BlockQueue queue =
      streamer.queue(file.dataset, {.ordered = true, .remainder = true, .workers = 2});
  while (const auto block = queue.take()) clock.add(block->bytes());
  return clock.result();
}

}  // namespace h5flume::bench
