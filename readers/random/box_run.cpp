#include <algorithm>
#include <new>
#include <utility>

#include "readers/random/box_run_internal.h"
#include "readers/random/open_dataset_internal.h"

namespace h5flume {
namespace {

using chunks::ChunkCache;
using Segment = BoxScratch::Segment;

constexpr std::uint64_t kLargestWindow = 1 << 20;
constexpr std::size_t kMostSegments = 4096;

// Smaller boxes are fetched as a whole, together with those near them.
constexpr std::uint64_t kFetchedWholeBytes = 16 << 10;

// Where the part goes in the result, if it is all of the box and lies there without gaps.
std::optional<std::uint64_t> whole_box(const BoxPart& part, const CopyLayout& layout,
                                       std::size_t box_bytes) {
  std::optional<std::uint64_t> place;
  std::uint64_t bytes = layout.from_bytes;
  for (const AxisPart& axis : part.axes) bytes *= axis.count;
  if (!layout.pieces.empty() || bytes != box_bytes) return place;
  bool several = false;
  for_each_run(part, layout, [&](std::uint64_t, std::uint64_t to, std::uint64_t units) {
    several |= place.has_value() || units * layout.from_bytes != box_bytes;
    place = to;
  });
  return several ? std::nullopt : place;
}

}  // namespace

BoxRun::BoxRun(std::shared_ptr<Operation> operation, const std::vector<BoxJob>& jobs) noexcept
    : operation_(std::move(operation)),
      spec_(operation_->spec()),
      boxes_(spec_.dataset->boxes()),
      source_(boxes_.grid().source()) {
  unless_failed([&] {
    items_.reserve(jobs.size());
    for (const BoxJob& job : jobs) items_.push_back({job, Step::kNone, std::nullopt});
    scratch_ = boxes_.take_scratch();
  });
}

void BoxRun::complete() noexcept {
  if (!operation_) return;
  items_.clear();
  if (has_read_) unless_failed([&] { source_.bytes->check_unchanged(); });
  if (scratch_) boxes_.give_back(std::move(scratch_));
  std::exchange(operation_, nullptr)->end_run(error_);
}

template <class Work>
void BoxRun::unless_failed(Work work) noexcept {
  if (error_) return;
  try {
    work();
    return;
  } catch (const Error& error) {
    error_ = error;
  } catch (const std::bad_alloc&) {
    error_.emplace(ErrorCode::kOutOfMemory, "there is no memory left");
  } catch (const std::exception& error) {
    error_.emplace(ErrorCode::kIo, error.what());
  }
  try {
    source_.bytes->check_unchanged();  // a change explains a failure better
  } catch (const Error& change) {
    error_ = change;
  }
}

bool BoxRun::delivers() const noexcept {
  return operation_->purpose() == Operation::Purpose::kDeliver;
}

BoxPart& BoxRun::part_of(const Item& item) {
  spec_.boxes->plan.get(item.job.part, scratch_->part);
  return scratch_->part;
}

void BoxRun::fetch() noexcept {
  unless_failed([&] {
    for (Item& item : items_) {
      const hdf5::StoredChunk& stored = item.job.stored;
      if (stored.address == hdf5::kMissing) {
        if (delivers()) fill(item);
      } else if (boxes_.is_filtered(*scratch_, item.job.box)) {
        item.step = Step::kFetched;
        if (auto lease = boxes_.cache().find_decoded(&source_, item.job.box)) {
          item.lease.emplace(std::move(*lease));
          item.step = Step::kCached;
        }
      } else if (!delivers()) {
        continue;  // the page cache is all that could be warmed
      } else if (may_read_parts(stored)) {
        read_unfiltered(item);
      } else {
        item.step = Step::kFetched;
      }
    }
    fetch_stored();
  });
}

// Of a box without filters. A chunk of a wrong size is for the decoder to refuse.
bool BoxRun::may_read_parts(const hdf5::StoredChunk& stored) const noexcept {
  if (source_.map.chunks.empty()) return true;
  return stored.size_bytes == scratch_->decoder.chunk_bytes() &&
         stored.size_bytes >= kFetchedWholeBytes;
}

void BoxRun::fetch_stored() {
  std::uint64_t begin = UINT64_MAX;
  std::uint64_t end = 0;
  for (const Item& item : items_) {
    if (item.step != Step::kFetched) continue;
    begin = std::min(begin, item.job.stored.address);
    end = std::max(end, item.job.stored.address + item.job.stored.size_bytes);
  }
  if (end == 0) return;
  fetched_ = source_.bytes->fetch(begin, end - begin, scratch_->fetched);
  fetched_from_ = begin;
  has_read_ = true;
}

std::span<const std::byte> BoxRun::stored_bytes(const Item& item) const noexcept {
  return fetched_.subspan(item.job.stored.address - fetched_from_, item.job.stored.size_bytes);
}

void BoxRun::decode() noexcept {
  unless_failed([&] {
    for (Item& item : items_) {
      if (item.step == Step::kFetched) decode_item(item);
    }
  });
}

void BoxRun::decode_item(Item& item) {
  if (delivers() && decode_into_result(item)) return;
  const bool is_filtered = boxes_.is_filtered(*scratch_, item.job.box);
  auto found = is_filtered ? boxes_.cache().find(boxes_.wanted(*scratch_, item.job.box))
                           : ChunkCache::Found{};
  if (found.busy) {
    item.step = Step::kAwaited;
  } else if (found.decoded) {
    item.lease.emplace(std::move(*found.decoded));
    item.step = Step::kCached;
  } else if (found.task) {
    item.lease.emplace(decode_for_cache(item, std::move(*found.task)));
    item.step = Step::kCached;
  } else if (delivers()) {
    decode_beside_cache(item);
  }
}

ChunkCache::Lease BoxRun::decode_for_cache(const Item& item, ChunkCache::DecodingTask task) {
  scratch_->decoder.decode(item.job.box, stored_bytes(item), task.bytes());
  return std::move(task).publish();
}

void BoxRun::decode_beside_cache(const Item& item) {
  scratch_->elements.resize(scratch_->decoder.chunk_bytes());
  scratch_->decoder.decode(item.job.box, stored_bytes(item), scratch_->elements);
  copy_decoded(item, scratch_->elements.data());
}

// A chunk that is wanted as a whole is not kept: who wants it again wants a copy of that again.
bool BoxRun::decode_into_result(const Item& item) {
  const std::size_t bytes = scratch_->decoder.chunk_bytes();
  const auto place = whole_box(part_of(item), spec_.boxes->layout, bytes);
  if (!place) return false;
  scratch_->decoder.decode(item.job.box, stored_bytes(item),
                           operation_->out().subspan(*place, bytes));
  return true;
}

void BoxRun::scatter() noexcept {
  unless_failed([&] {
    if (!delivers()) return;
    for (Item& item : items_) {
      if (item.lease) copy_decoded(item, item.lease->data());
      item.lease.reset();
    }
    for (const Item& item : items_) {
      if (item.step == Step::kAwaited) decode_awaited(item);
    }
  });
}

void BoxRun::decode_awaited(const Item& item) {
  auto found = boxes_.cache().wait_and_find(boxes_.wanted(*scratch_, item.job.box));
  if (found.decoded) return copy_decoded(item, found.decoded->data());
  if (!found.task) return decode_beside_cache(item);
  const auto lease = decode_for_cache(item, std::move(*found.task));
  copy_decoded(item, lease.data());
}

void BoxRun::copy_decoded(const Item& item, const std::byte* box) {
  copy_part(box, part_of(item), spec_.boxes->layout, operation_->out().data());
}

void BoxRun::fill(const Item& item) {
  const CopyLayout one_element = spec_.boxes->layout.of_one_element(spec_.pick->axes.size());
  copy_part(source_.map.fill.data(), part_of(item), one_element, operation_->out().data());
}

// Reads what is wanted of a box that is stored as it is decoded, and not what is not.
void BoxRun::read_unfiltered(const Item& item) {
  has_read_ = true;
  auto& segments = scratch_->segments;
  segments.clear();
  for_each_run(part_of(item), spec_.boxes->layout,
               [&](std::uint64_t from, std::uint64_t to, std::uint64_t units) {
                 segments.push_back({from, to, units});
                 if (segments.size() == kMostSegments) read_segments(item.job.stored.address);
               });
  read_segments(item.job.stored.address);
}

// Reads segments that lie near each other in one go.
void BoxRun::read_segments(std::uint64_t address) {
  auto& segments = scratch_->segments;
  const std::size_t unit_bytes = spec_.boxes->layout.from_bytes;
  const auto by_place = [](const Segment& a, const Segment& b) { return a.from < b.from; };
  if (!std::is_sorted(segments.begin(), segments.end(), by_place)) {
    std::sort(segments.begin(), segments.end(), by_place);
  }
  for (std::size_t begin = 0; begin < segments.size();) {
    std::uint64_t reached = segments[begin].from + segments[begin].units * unit_bytes;
    std::size_t end = begin + 1;
    for (; end < segments.size(); ++end) {
      const std::uint64_t further = segments[end].from + segments[end].units * unit_bytes;
      const bool is_near = segments[end].from <= reached + chunks::kNearBytes &&
                           further <= segments[begin].from + kLargestWindow;
      if (!is_near) break;
      reached = std::max(reached, further);
    }
    read_window(address, std::span(segments).subspan(begin, end - begin));
    begin = end;
  }
  segments.clear();
}

void BoxRun::read_window(std::uint64_t address, std::span<const Segment> segments) {
  const CopyLayout& layout = spec_.boxes->layout;
  const hdf5::StorageMap& map = source_.map;
  const auto out = operation_->out();
  // Text can be padded in whole elements only.
  const bool as_stored = layout.pieces.empty() && (map.text.empty() || spec_.pick->is_whole());
  if (segments.size() == 1 && as_stored) {
    const Segment& only = segments.front();
    const auto place = out.subspan(only.to, only.units * layout.to_bytes);
    source_.bytes->read(address + only.from, place);
    return scratch_->decoder.finish(place);
  }
  std::uint64_t begin = segments.front().from;
  std::uint64_t end = 0;
  for (const Segment& segment : segments) {
    end = std::max(end, segment.from + segment.units * layout.from_bytes);
  }
  if (!as_stored) {
    begin -= begin % map.element_bytes;
    end += map.element_bytes - 1 - (end - 1) % map.element_bytes;
  }
  scratch_->elements.resize(end - begin);
  source_.bytes->read(address + begin, scratch_->elements);
  scratch_->decoder.finish(scratch_->elements);
  for (const Segment& segment : segments) {
    layout.copy(scratch_->elements.data() + (segment.from - begin), out.data() + segment.to,
                segment.units);
  }
}

bool serve_run(const std::shared_ptr<Operation>& operation) {
  std::vector<BoxJob> jobs;
  if (!operation->next_run(jobs)) return false;
  BoxRun run(operation, jobs);
  run.fetch();
  run.decode();
  run.scatter();
  return true;
}

void serve_runs(const std::shared_ptr<Operation>& operation) {
  while (serve_run(operation)) {
  }
}

}  // namespace h5flume
