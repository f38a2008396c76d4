#include "readers/chunks/direct_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "readers/chunks/box_copy.h"
#include "readers/chunks/byte_swap.h"

namespace h5flume::chunks {
namespace {

// Chunks that lie nearer than this are fetched together: reading a gap costs less than a call.
constexpr std::uint64_t kNearBytes = 16 << 10;
constexpr std::uint64_t kLargestRun = 1 << 20;

std::size_t decoded_bytes_of_chunk(const hdf5::DatasetInfo& info) {
  std::size_t bytes = info.chunk.empty() ? 0 : info.type.size;
  for (const std::uint64_t extent : info.chunk) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("open '{}' of {}: its chunks overflow", info.path, info.file));
    }
  }
  return bytes;
}

}  // namespace

DirectReader::DirectReader(std::shared_ptr<const Source> source)
    : source_(std::move(source)),
      info_(source_->dataset.info()),
      map_(source_->map),
      filters_(info_.filters, decoded_bytes_of_chunk(info_)),
      chunk_bytes_(decoded_bytes_of_chunk(info_)),
      target_shape_(info_.shape) {
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
    source_->dataset.pad_text(out);
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
  swap_bytes(target.out, map_.swap_bytes);
}

void DirectReader::read_chunks(const Target& target) {
  target_shape_[0] = target.row_count;
  const std::uint64_t chunk_rows = info_.chunk[0];
  const std::uint64_t first = target.first_row / chunk_rows * layer_chunks_;
  const std::uint64_t last =
      ((target.first_row + target.row_count - 1) / chunk_rows + 1) * layer_chunks_;
  forget_chunks_outside(first, last);

  wanted_.clear();
  for (std::uint64_t chunk = first; chunk < last; ++chunk) {
    if (const auto kept = kept_.find(chunk); kept != kept_.end()) {
      set_part(target, chunk);
      place_decoded(target, kept->second.data());
    } else if (map_.chunks[chunk].address == hdf5::kMissing) {
      set_part(target, chunk);
      place_fill(target);
    } else if (!fetch_unfiltered_rows(target, chunk)) {
      wanted_.push_back(chunk);
    }
  }
  std::sort(wanted_.begin(), wanted_.end(), [&](std::uint64_t a, std::uint64_t b) {
    return map_.chunks[a].address < map_.chunks[b].address;
  });
  for (std::size_t begin = 0; begin < wanted_.size();) {
    const std::uint64_t address = map_.chunks[wanted_[begin]].address;
    std::size_t end = begin;
    for (std::uint64_t reached = address; end < wanted_.size(); ++end) {
      const hdf5::StoredChunk& next = map_.chunks[wanted_[end]];
      const std::uint64_t next_end = next.address + next.size_bytes;
      if (end > begin &&
          (next.address > reached + kNearBytes || next_end > address + kLargestRun)) {
        break;
      }
      reached = std::max(reached, next_end);
    }
    fetch_run(target, {wanted_.data() + begin, end - begin});
    begin = end;
  }
}

// Reads the wanted rows of a chunk straight into the target, where that can be done.
bool DirectReader::fetch_unfiltered_rows(const Target& target, std::uint64_t chunk) {
  const hdf5::StoredChunk& stored = map_.chunks[chunk];
  if (!rows_are_whole_ || chunk_bytes_ < kNearBytes) return false;
  set_part(target, chunk);
  if (!is_unfiltered(stored) || stored.size_bytes != chunk_bytes_) return false;
  const std::uint64_t row_bytes = info_.row_bytes();
  const auto out = target.out.subspan(part_.in_target[0] * row_bytes, part_.extent[0] * row_bytes);
  source_->bytes->read(stored.address + part_.in_chunk[0] * row_bytes, out);
  swap_bytes(out, map_.swap_bytes);
  return true;
}

// Fetches chunks that lie near each other, in the order of their addresses, and places them.
void DirectReader::fetch_run(const Target& target, std::span<const std::uint64_t> run) {
  const std::uint64_t address = map_.chunks[run.front()].address;
  std::uint64_t end = address;
  for (const std::uint64_t chunk : run) {
    end = std::max(end, map_.chunks[chunk].address + map_.chunks[chunk].size_bytes);
  }
  if (fetched_.size() < end - address) fetched_.resize(end - address);
  source_->bytes->read(address, {fetched_.data(), end - address});
  for (const std::uint64_t chunk : run) {
    const hdf5::StoredChunk& stored = map_.chunks[chunk];
    try {
      place_stored(target, chunk,
                   {fetched_.data() + (stored.address - address), stored.size_bytes});
    } catch (const Error& error) {
      throw Error(error.code(),
                  fmt::format("{}: {}", hdf5::name_of_chunk(chunk, map_.grid), error.what()));
    }
  }
}

void DirectReader::place_stored(const Target& target, std::uint64_t chunk,
                                std::span<std::byte> stored) {
  set_part(target, chunk);
  const std::uint32_t mask =
      is_unfiltered(map_.chunks[chunk]) ? ~0U : map_.chunks[chunk].filter_mask;
  if (part_.whole) {
    const auto out = whole_part(target);
    filters_.decode(stored, mask, out);
    return swap_bytes(out, map_.swap_bytes);
  }
  const bool keep =
      !part_.finished && mask != ~0U && (kept_.size() + 1) * chunk_bytes_ <= kLargestCache;
  std::vector<std::byte> own;
  if (keep) own = take_buffer();
  std::vector<std::byte>& decoded = keep ? own : scratch_;
  decoded.resize(chunk_bytes_);
  filters_.decode(stored, mask, decoded);
  swap_bytes(decoded, map_.swap_bytes);
  place_decoded(target, decoded.data());
  if (keep) kept_.emplace(chunk, std::move(own));
}

void DirectReader::place_decoded(const Target& target, const std::byte* decoded) {
  copy_box(decoded, {info_.chunk, part_.in_chunk}, target.out.data(),
           {target_shape_, part_.in_target}, part_.extent, map_.element_bytes);
}

void DirectReader::place_fill(const Target& target) {
  fill_box(map_.fill, target.out.data(), {target_shape_, part_.in_target}, part_.extent);
}

void DirectReader::set_part(const Target& target, std::uint64_t chunk) {
  part_.edge = false;
  bool whole = rows_are_whole_;
  for (std::size_t axis = info_.shape.size(); axis-- > 0; chunk /= map_.grid[axis]) {
    const std::uint64_t begin = chunk % map_.grid[axis] * info_.chunk[axis];
    const std::uint64_t chunk_end = begin + info_.chunk[axis];
    const std::uint64_t end = std::min(chunk_end, info_.shape[axis]);
    part_.edge |= chunk_end > info_.shape[axis];
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

std::span<std::byte> DirectReader::whole_part(const Target& target) const {
  return target.out.subspan(part_.in_target[0] * info_.row_bytes(), chunk_bytes_);
}

// For the chunk that part_ describes.
bool DirectReader::is_unfiltered(const hdf5::StoredChunk& stored) const noexcept {
  const std::uint32_t all = info_.filters.size() >= 32 ? ~0U : (1U << info_.filters.size()) - 1;
  return (stored.filter_mask & all) == all || (part_.edge && map_.edge_chunks_unfiltered);
}

void DirectReader::forget_chunks_outside(std::uint64_t first, std::uint64_t last) {
  for (auto kept = kept_.begin(); kept != kept_.end();) {
    if (kept->first >= first && kept->first < last) {
      ++kept;
    } else {
      spare_.push_back(std::move(kept->second));
      kept = kept_.erase(kept);
    }
  }
}

std::vector<std::byte> DirectReader::take_buffer() {
  if (spare_.empty()) return {};
  auto buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

}  // namespace h5flume::chunks
