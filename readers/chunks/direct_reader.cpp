#include "readers/chunks/direct_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "readers/chunks/box_copy.h"

namespace h5flume::chunks {
namespace {

constexpr std::uint64_t kLargestRun = 1 << 20;

// How many chunks beyond one that it has to wait for a reader looks for something to do.
constexpr std::uint64_t kFarthestAhead = 16;

}  // namespace

DirectReader::DirectReader(std::shared_ptr<const DirectSource> source, std::size_t cache_bytes)
    : DirectReader(std::move(source), std::make_shared<ChunkCache>(cache_bytes)) {}

DirectReader::DirectReader(std::shared_ptr<const DirectSource> source,
                           std::shared_ptr<ChunkCache> cache)
    : source_(std::move(source)),
      info_(source_->info),
      map_(source_->map),
      decoder_(source_),
      target_shape_(info_.shape),
      cache_(std::move(cache)) {
  if (info_.layout != hdf5::Layout::kChunked) return;
  const std::size_t rank = info_.shape.size();
  part_.in_chunk.resize(rank);
  part_.in_target.resize(rank);
  part_.extent.resize(rank);
  layer_chunks_ = 1;
  rows_are_whole_ = true;
  for (std::size_t axis = 1; axis < rank; ++axis) {
    layer_chunks_ *= map_.grid[axis];
    rows_are_whole_ &= info_.chunk[axis] == info_.shape[axis];
  }
}

void DirectReader::read_rows(std::uint64_t first_row, std::uint64_t row_count,
                             std::span<std::byte> out) {
  hdf5::check_rows(info_, first_row, row_count, out.size());
  if (out.empty()) return;
  try {
    const Target target{first_row, row_count, out};
    if (info_.layout == hdf5::Layout::kChunked) {
      read_chunks(target);
    } else {
      read_contiguous(target);
    }
    source_->bytes->check_unchanged();
  } catch (const Error& error) {
    const auto named = [&](const char* cause) {
      return fmt::format("read {}: {}", hdf5::name_of_rows(info_, first_row, row_count), cause);
    };
    try {
      source_->bytes->check_unchanged();  // a change explains a failure better
    } catch (const Error& change) {
      throw Error(change.code(), named(change.what()));
    }
    throw Error(error.code(), named(error.what()));
  }
}

void DirectReader::read_contiguous(const Target& target) {
  if (map_.address == hdf5::kMissing) {
    const std::uint64_t count = target.out.size() / map_.fill.size();
    const std::uint64_t start = 0;
    return fill_box(map_.fill, target.out.data(), {{&count, 1}, {&start, 1}}, {&count, 1});
  }
  source_->bytes->read(map_.address + target.first_row * info_.row_bytes(), target.out);
  decoder_.finish(target.out);
}

void DirectReader::read_chunks(const Target& target) {
  target_shape_[0] = target.row_count;
  const std::uint64_t chunk_rows = info_.chunk[0];
  needed_ = {target.first_row / chunk_rows * layer_chunks_,
             ((target.first_row + target.row_count - 1) / chunk_rows + 1) * layer_chunks_};
  wanted_.clear();
  awaited_.clear();
  for (std::uint64_t chunk = needed_.first; chunk < needed_.last; ++chunk) {
    if (map_.chunks[chunk].address == hdf5::kMissing) {
      set_part(target, chunk);
      place_fill(target);
    } else if (!fetch_unfiltered_rows(target, chunk)) {
      wanted_.push_back(chunk);
    }
  }
  std::sort(wanted_.begin(), wanted_.end(), [&](std::uint64_t a, std::uint64_t b) {
    return map_.chunks[a].address < map_.chunks[b].address;
  });
  for (std::size_t next = 0; next < wanted_.size();) next = fetch_next_run(target, next);
  for (const std::uint64_t chunk : awaited_) place_awaited(target, chunk);
}

// Fetches and places wanted chunks from `begin` on that lie near each other. Returns the next.
std::size_t DirectReader::fetch_next_run(const Target& target, std::size_t begin) {
  std::vector<Fetch> run;
  std::uint64_t start = 0;
  std::uint64_t reached = 0;
  std::size_t next = begin;
  for (; next < wanted_.size(); ++next) {
    const hdf5::StoredChunk& stored = map_.chunks[wanted_[next]];
    const std::uint64_t end = stored.address + stored.size_bytes;
    if (!run.empty() && (stored.address > reached + kNearBytes || end > start + kLargestRun)) break;
    auto wanted = begin_fetch(target, wanted_[next]);
    if (!wanted) continue;
    if (run.empty()) start = stored.address;
    run.push_back(std::move(*wanted));
    reached = std::max(reached, end);
  }
  if (!run.empty()) fetch(target, run);
  return next;
}

// Places a chunk that is in the cache, remembers one that somebody else decodes; any other is to be
// fetched.
std::optional<DirectReader::Fetch> DirectReader::begin_fetch(const Target& target,
                                                             std::uint64_t chunk) {
  set_part(target, chunk);
  const bool only_here = part_.whole || part_.finished;
  if (decoder_.is_unfiltered(chunk)) return Fetch{chunk, std::nullopt};
  if (only_here) {
    auto decoded = cache_->find_decoded(source_.get(), chunk);
    if (!decoded) return Fetch{chunk, std::nullopt};
    place_lease(target, std::move(*decoded));
    return std::nullopt;
  }
  auto found = cache_->find(wanted(chunk), needed_);
  if (found.decoded) {
    place_lease(target, std::move(*found.decoded));
    return std::nullopt;
  }
  if (found.busy) {
    awaited_.push_back(chunk);
    return std::nullopt;
  }
  return Fetch{chunk, std::move(found.task)};
}

void DirectReader::place_awaited(const Target& target, std::uint64_t chunk) {
  decode_ahead(target, chunk);
  auto found = cache_->wait_and_find(wanted(chunk), needed_);
  if (found.decoded) {
    set_part(target, chunk);
    return place_lease(target, std::move(*found.decoded));
  }
  Fetch again{chunk, std::move(found.task)};
  fetch(target, {&again, 1});
}

// Decodes the first chunk behind `chunk` that nobody has begun, for blocks to come. Not in the last
// layer, nor where blocks hold whole chunks: those are not looked for in the cache.
void DirectReader::decode_ahead(const Target& target, std::uint64_t chunk) {
  if (target.row_count >= info_.chunk[0]) return;
  for (std::uint64_t steps = 1; steps <= kFarthestAhead; ++steps) {
    const std::uint64_t ahead = chunk + steps * layer_chunks_;
    if (ahead + layer_chunks_ >= map_.chunks.size()) return;
    const hdf5::StoredChunk& stored = map_.chunks[ahead];
    if (stored.address == hdf5::kMissing || decoder_.is_unfiltered(ahead)) return;
    auto task = cache_->try_begin(wanted(ahead));
    if (!task) continue;
    try {
      decoder_.decode(ahead, source_->bytes->fetch(stored.address, stored.size_bytes, fetched_),
                      task->bytes());
      const auto kept = std::move(*task).publish();
    } catch (const Error&) {
      // Whoever needs it will try again and say what is wrong.
    }
    return;
  }
}

// Reads the wanted rows of a chunk straight into the target, where that can be done.
bool DirectReader::fetch_unfiltered_rows(const Target& target, std::uint64_t chunk) {
  const hdf5::StoredChunk& stored = map_.chunks[chunk];
  if (!rows_are_whole_ || decoder_.chunk_bytes() < kNearBytes) return false;
  set_part(target, chunk);
  if (!decoder_.is_unfiltered(chunk) || stored.size_bytes != decoder_.chunk_bytes()) return false;
  const std::uint64_t row_bytes = info_.row_bytes();
  const auto out = target.out.subspan(part_.in_target[0] * row_bytes, part_.extent[0] * row_bytes);
  source_->bytes->read(stored.address + part_.in_chunk[0] * row_bytes, out);
  decoder_.finish(out);
  return true;
}

// Fetches chunks that lie near each other, in the order of their addresses, and places them.
void DirectReader::fetch(const Target& target, std::span<Fetch> run) {
  const std::uint64_t address = map_.chunks[run.front().chunk].address;
  std::uint64_t end = address;
  for (const Fetch& wanted : run) {
    const hdf5::StoredChunk& stored = map_.chunks[wanted.chunk];
    end = std::max(end, stored.address + stored.size_bytes);
  }
  const auto bytes = source_->bytes->fetch(address, end - address, fetched_);
  for (Fetch& wanted : run) {
    const hdf5::StoredChunk& stored = map_.chunks[wanted.chunk];
    place_stored(target, wanted, bytes.subspan(stored.address - address, stored.size_bytes));
  }
}

void DirectReader::place_stored(const Target& target, Fetch& fetched,
                                std::span<const std::byte> stored) {
  set_part(target, fetched.chunk);
  if (fetched.task) {
    decoder_.decode(fetched.chunk, stored, fetched.task->bytes());
    return place_lease(target, std::move(*fetched.task).publish());
  }
  if (part_.whole) return decoder_.decode(fetched.chunk, stored, whole_part(target));
  scratch_.resize(decoder_.chunk_bytes());
  decoder_.decode(fetched.chunk, stored, scratch_);
  place_decoded(target, scratch_.data());
}

void DirectReader::place_lease(const Target& target, ChunkCache::Lease lease) {
  place_decoded(target, lease.data());
  std::move(lease).use(part_.extent[0]);
}

void DirectReader::place_decoded(const Target& target, const std::byte* decoded) {
  copy_box(decoded, {info_.chunk, part_.in_chunk}, target.out.data(),
           {target_shape_, part_.in_target}, part_.extent, map_.element_bytes);
}

void DirectReader::place_fill(const Target& target) {
  fill_box(map_.fill, target.out.data(), {target_shape_, part_.in_target}, part_.extent);
}

void DirectReader::set_part(const Target& target, std::uint64_t chunk) {
  bool whole = rows_are_whole_;
  for (std::size_t axis = info_.shape.size(); axis-- > 0; chunk /= map_.grid[axis]) {
    const std::uint64_t begin = chunk % map_.grid[axis] * info_.chunk[axis];
    const std::uint64_t end = std::min(begin + info_.chunk[axis], info_.shape[axis]);
    if (axis > 0) {
      part_.in_chunk[axis] = 0;
      part_.in_target[axis] = begin;
      part_.extent[axis] = end - begin;
      continue;
    }
    const std::uint64_t from = std::max(begin, target.first_row);
    const std::uint64_t to = std::min(end, target.first_row + target.row_count);
    part_.in_chunk[0] = from - begin;
    part_.in_target[0] = from - target.first_row;
    part_.extent[0] = to - from;
    part_.finished = from == begin && to == end;
    whole &= part_.extent[0] == info_.chunk[0];
  }
  part_.whole = whole;
}

// For as long as it has rows in the dataset that were not used.
ChunkCache::Wanted DirectReader::wanted(std::uint64_t chunk) const noexcept {
  const std::uint64_t begin = chunk / layer_chunks_ * info_.chunk[0];
  return {source_.get(), chunk, decoder_.chunk_bytes(),
          std::min(info_.chunk[0], info_.shape[0] - begin)};
}

std::span<std::byte> DirectReader::whole_part(const Target& target) const {
  return target.out.subspan(part_.in_target[0] * info_.row_bytes(), decoder_.chunk_bytes());
}

}  // namespace h5flume::chunks
