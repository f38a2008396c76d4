#include "readers/chunks/chunk_cache.h"

#include <algorithm>
#include <iterator>

namespace h5flume::chunks {

const std::byte* ChunkCache::Lease::data() const noexcept { return entry_->memory.start.get(); }

std::span<std::byte> ChunkCache::DecodingTask::bytes() const noexcept {
  return {entry_->memory.start.get(), entry_->memory.bytes};
}

ChunkCache::Lease ChunkCache::DecodingTask::publish() && noexcept {
  return std::exchange(cache_, nullptr)->publish(*entry_);
}

std::size_t ChunkCache::HashOfKey::operator()(const Key& key) const noexcept {
  // Chunk numbers follow each other, addresses are multiples of 16: both keep to buckets of theirs.
  return reinterpret_cast<std::uintptr_t>(key.dataset) / 16 + key.chunk;
}

ChunkCache::Found ChunkCache::find(const Wanted& wanted, const Range& needed) {
  const std::lock_guard lock(mutex_);
  return find_locked(wanted, needed);
}

ChunkCache::Found ChunkCache::wait_and_find(const Wanted& wanted, const Range& needed) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    const auto entry = entries_.find({wanted.dataset, wanted.chunk});
    return entry == entries_.end() || entry->second.decoded;
  });
  return find_locked(wanted, needed);
}

std::optional<ChunkCache::Lease> ChunkCache::find_decoded(const void* dataset,
                                                          std::uint64_t chunk) {
  const std::lock_guard lock(mutex_);
  const auto known = entries_.find({dataset, chunk});
  if (known == entries_.end() || !known->second.decoded) return std::nullopt;
  return pin(known->second);
}

std::optional<ChunkCache::DecodingTask> ChunkCache::try_begin(const Wanted& wanted) {
  const std::lock_guard lock(mutex_);
  const Key key{wanted.dataset, wanted.chunk};
  const bool is_finished = std::find(finished_.begin(), finished_.end(), key) != finished_.end();
  if (is_finished || entries_.contains(key) || !has_room(wanted.bytes)) return std::nullopt;
  return begin(wanted);
}

std::size_t ChunkCache::kept_bytes() const {
  const std::lock_guard lock(mutex_);
  return kept_bytes_;
}

ChunkCache::Found ChunkCache::find_locked(const Wanted& wanted, const Range& needed) {
  Found found;
  if (const auto known = entries_.find({wanted.dataset, wanted.chunk}); known != entries_.end()) {
    found.busy = !known->second.decoded;
    if (known->second.decoded) found.decoded.emplace(pin(known->second));
  } else if (has_room(wanted.bytes) || make_room(wanted, needed)) {
    found.task.emplace(begin(wanted));
    begin_pass({wanted.dataset, wanted.chunk});
  }
  return found;
}

// Nobody wants a finished chunk again in the same pass.
void ChunkCache::begin_pass(const Key& key) noexcept {
  if (std::find(finished_.begin(), finished_.end(), key) == finished_.end()) return;
  for (Key& finished : finished_) {
    if (finished.dataset == key.dataset) finished = {};
  }
}

ChunkCache::Lease ChunkCache::pin(Entry& entry) noexcept {
  if (entry.pins++ == 0) pinned_.splice(pinned_.end(), idle_, entry.idle);
  return Lease(this, &entry);
}

bool ChunkCache::make_room(const Wanted& wanted, const Range& needed) {
  const auto may_go = [&](const Entry* entry) {
    return entry->key.dataset != wanted.dataset || entry->key.chunk < needed.first ||
           entry->key.chunk >= needed.last;
  };
  if (wanted.bytes > capacity_bytes_) return false;
  while (!has_room(wanted.bytes)) {
    const auto oldest = std::find_if(idle_.begin(), idle_.end(), may_go);
    if (oldest == idle_.end()) return false;
    drop(**oldest);
  }
  return true;
}

ChunkCache::DecodingTask ChunkCache::begin(const Wanted& wanted) {
  const Key key{wanted.dataset, wanted.chunk};
  std::list<Entry*> node{nullptr};
  auto memory = take_memory(wanted.bytes);
  Entry& entry = entries_[key];
  entry.key = key;
  entry.rows_left = wanted.rows;
  entry.memory = std::move(memory);
  entry.pins = 1;
  node.front() = &entry;
  entry.idle = node.begin();
  pinned_.splice(pinned_.end(), node);
  kept_bytes_ += wanted.bytes;
  return DecodingTask(this, &entry);
}

// Memory is used again for chunks of the same size, which are those of the same dataset as a rule.
ChunkCache::Memory ChunkCache::take_memory(std::size_t bytes) {
  const auto fitting = std::find_if(spare_.rbegin(), spare_.rend(),
                                    [&](const auto& memory) { return memory.bytes == bytes; });
  if (fitting != spare_.rend()) {
    auto memory = std::move(*fitting);
    spare_.erase(std::next(fitting).base());
    spare_bytes_ -= bytes;
    return memory;
  }
  if (kept_bytes_ + spare_bytes_ + bytes > capacity_bytes_) {
    spare_.clear();
    spare_bytes_ = 0;
  }
  return {std::make_unique_for_overwrite<std::byte[]>(bytes), bytes};
}

void ChunkCache::keep_memory(Memory memory) noexcept {
  constexpr std::size_t kMostSpare = 64;
  if (spare_.size() >= kMostSpare) return;
  try {
    const std::size_t bytes = memory.bytes;
    spare_.push_back(std::move(memory));
    spare_bytes_ += bytes;
  } catch (const std::bad_alloc&) {  // then the memory goes
  }
}

ChunkCache::Lease ChunkCache::publish(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entry.decoded = true;  // and pinned by the lease from now on, as by the task before
  }
  changed_.notify_all();
  return Lease(this, &entry);
}

void ChunkCache::abandon(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    --entry.pins;
    idle_.splice(idle_.end(), pinned_, entry.idle);
    drop(entry);
  }
  changed_.notify_all();
}

void ChunkCache::unpin(Entry& entry, std::uint64_t rows) noexcept {
  const std::lock_guard lock(mutex_);
  if (entry.rows_left != Wanted::kForEver) entry.rows_left -= std::min(rows, entry.rows_left);
  if (--entry.pins > 0) return;
  idle_.splice(idle_.end(), pinned_, entry.idle);
  if (entry.rows_left > 0) return;
  finished_[next_finished_++ % finished_.size()] = entry.key;
  drop(entry);
}

void ChunkCache::drop(Entry& entry) noexcept {
  kept_bytes_ -= entry.memory.bytes;
  idle_.erase(entry.idle);
  keep_memory(std::move(entry.memory));
  entries_.erase(entries_.find(entry.key));
}

}  // namespace h5flume::chunks
