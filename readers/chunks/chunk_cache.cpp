#include "readers/chunks/chunk_cache.h"

#include <algorithm>

namespace h5flume::chunks {

const std::byte* ChunkCache::Lease::data() const noexcept { return entry_->bytes.data(); }

std::span<std::byte> ChunkCache::DecodingTask::bytes() const noexcept { return entry_->bytes; }

ChunkCache::Lease ChunkCache::DecodingTask::publish() && noexcept {
  return std::exchange(cache_, nullptr)->publish(*entry_);
}

ChunkCache::Found ChunkCache::find(std::uint64_t chunk, std::uint64_t rows, const Range& needed) {
  const std::lock_guard lock(mutex_);
  return find_locked(chunk, rows, needed);
}

ChunkCache::Found ChunkCache::wait_and_find(std::uint64_t chunk, std::uint64_t rows,
                                            const Range& needed) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    const auto entry = entries_.find(chunk);
    return entry == entries_.end() || entry->second.decoded;
  });
  return find_locked(chunk, rows, needed);
}

std::optional<ChunkCache::DecodingTask> ChunkCache::try_begin(std::uint64_t chunk,
                                                              std::uint64_t rows) {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(chunk) || !has_room()) return std::nullopt;
  return begin(chunk, rows);
}

std::size_t ChunkCache::kept_bytes() const {
  const std::lock_guard lock(mutex_);
  return entries_.size() * chunk_bytes_;
}

ChunkCache::Found ChunkCache::find_locked(std::uint64_t chunk, std::uint64_t rows,
                                          const Range& needed) {
  Found found;
  if (const auto known = entries_.find(chunk); known != entries_.end()) {
    Entry& entry = known->second;
    found.busy = !entry.decoded;
    if (entry.decoded) {
      ++entry.pins;
      entry.last_use = ++uses_;
      found.decoded.emplace(Lease(this, &entry));
    }
  } else if (has_room() || make_room(needed)) {
    found.task.emplace(begin(chunk, rows));
  }
  return found;
}

bool ChunkCache::has_room() const noexcept {
  return (entries_.size() + 1) * chunk_bytes_ <= capacity_bytes_;
}

// Drops the chunk that was not used for longest.
bool ChunkCache::make_room(const Range& needed) {
  const Entry* oldest = nullptr;
  for (const auto& [chunk, entry] : entries_) {
    const bool is_needed = chunk >= needed.first && chunk < needed.last;
    if (!entry.decoded || entry.pins > 0 || is_needed) continue;
    if (!oldest || entry.last_use < oldest->last_use) oldest = &entry;
  }
  if (!oldest) return false;
  drop(oldest->chunk);
  return true;
}

ChunkCache::DecodingTask ChunkCache::begin(std::uint64_t chunk, std::uint64_t rows) {
  std::vector<std::byte> bytes;
  if (!spare_.empty()) {
    bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  bytes.resize(chunk_bytes_);
  Entry& entry = entries_[chunk];
  entry.chunk = chunk;
  entry.rows_left = rows;
  entry.bytes = std::move(bytes);
  return DecodingTask(this, &entry);
}

ChunkCache::Lease ChunkCache::publish(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entry.decoded = true;
    entry.pins = 1;
    entry.last_use = ++uses_;
  }
  changed_.notify_all();
  return Lease(this, &entry);
}

void ChunkCache::abandon(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    drop(entry.chunk);
  }
  changed_.notify_all();
}

void ChunkCache::unpin(Entry& entry, std::uint64_t rows) noexcept {
  const std::lock_guard lock(mutex_);
  --entry.pins;
  entry.rows_left -= std::min(rows, entry.rows_left);
  if (entry.rows_left == 0 && entry.pins == 0) drop(entry.chunk);
}

void ChunkCache::drop(std::uint64_t chunk) noexcept {
  const auto entry = entries_.find(chunk);
  // No more memory is kept than was used for chunks at some time.
  try {
    spare_.push_back(std::move(entry->second.bytes));
  } catch (const std::bad_alloc&) {  // then the memory goes
  }
  entries_.erase(entry);
}

}  // namespace h5flume::chunks
