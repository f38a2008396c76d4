#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/mapped/spill_file.h"

namespace h5flume::mapped {

/// Sorts any number of entries in little memory: runs that fit are sorted and written to a
/// temporary file, then merged. Equal entries stay in the order in which they came.
///
///   ExternalSorter<Entry, Less> sorter(folder, memory_bytes, less);
///   sorter.add(entry);                                   // any number of times
///   std::move(sorter).drain([](const Entry& entry) ...); // in order
///
/// Threads: one.
template <class Entry, class Less>
class ExternalSorter {
 public:
  static_assert(std::is_trivially_copyable_v<Entry>);

  ExternalSorter(std::string folder, std::size_t memory_bytes, Less less)
      : folder_(std::move(folder)),
        less_(std::move(less)),
        capacity_(std::max(memory_bytes, kLeastMemory) * 2 / 3 / sizeof(Entry)) {}

  void add(const Entry& entry) {
    if (run_.size() == capacity_) write_run();
    if (run_.capacity() == run_.size()) {
      run_.reserve(std::min(capacity_, std::max(kFirstRoom, run_.size() * 4)));
    }
    run_.push_back(entry);
    ++size_;
  }

  std::uint64_t size() const noexcept { return size_; }

  /// Calls `consume` with every entry, in order.
  template <class Consume>
  void drain(Consume&& consume) && {
    std::stable_sort(run_.begin(), run_.end(), less_);
    if (runs_.empty()) {
      for (const auto& entry : run_) consume(entry);
      return;
    }
    write_run();
    run_ = {};
    merge(consume);
  }

 private:
  static constexpr std::size_t kLeastMemory = std::size_t{1} << 18U;
  static constexpr std::size_t kLeastPart = std::size_t{1} << 14U;  // of a run that is being merged
  static constexpr std::size_t kFirstRoom = 1024;

  struct Run {
    std::uint64_t at;  // in bytes of the file
    std::uint64_t end;
  };

  // What has been read of a run, of which the entries from `next` on have not been merged yet.
  struct Source {
    Run rest;
    std::vector<Entry> part;
    std::size_t next = 0;
  };

  void write_run() {
    std::stable_sort(run_.begin(), run_.end(), less_);
    if (!spill_) spill_ = std::make_unique<SpillFile>(folder_);
    const std::uint64_t at = spill_->size();
    spill_->append(std::as_bytes(std::span(run_)));
    runs_.push_back({at, spill_->size()});
    run_.clear();
    if ((runs_.size() + 1) * kLeastPart > capacity_ * sizeof(Entry)) merge_runs();
  }

  // Makes one run of all those there are, so that their parts fit into memory.
  void merge_runs() {
    run_ = {};
    auto merged = std::make_unique<SpillFile>(folder_);
    merge([&](const Entry& entry) { merged->append(std::as_bytes(std::span(&entry, 1))); });
    spill_ = std::move(merged);
    runs_ = {{0, spill_->size()}};
  }

  template <class Consume>
  void merge(Consume&& consume) {
    spill_->flush();
    const std::size_t part =
        std::max<std::size_t>(capacity_ / (runs_.size() + 1), kLeastPart / sizeof(Entry));
    std::vector<Source> sources;
    for (const auto& run : runs_) sources.push_back({run, {}});
    const auto later = [&](std::size_t one, std::size_t other) {
      const Entry& first = sources[one].part[sources[one].next];
      const Entry& second = sources[other].part[sources[other].next];
      if (less_(second, first)) return true;
      return one > other && !less_(first, second);  // of equal ones, that of the run before
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> queue(later);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (refill(sources[i], part)) queue.push(i);
    }
    while (!queue.empty()) {
      const std::size_t first = queue.top();
      queue.pop();
      Source& source = sources[first];
      consume(std::as_const(source.part[source.next++]));
      if (source.next < source.part.size() || refill(source, part)) queue.push(first);
    }
  }

  bool refill(Source& source, std::size_t entries) {
    const std::uint64_t left = (source.rest.end - source.rest.at) / sizeof(Entry);
    source.part.resize(std::min<std::uint64_t>(entries, left));
    source.next = 0;
    spill_->read_at(source.rest.at, std::as_writable_bytes(std::span(source.part)));
    source.rest.at += source.part.size() * sizeof(Entry);
    return !source.part.empty();
  }

  std::string folder_;
  Less less_;
  std::size_t capacity_;  // entries in memory; std::stable_sort takes half as much again
  std::vector<Entry> run_;
  std::vector<Run> runs_;
  std::unique_ptr<SpillFile> spill_;
  std::uint64_t size_ = 0;
};

}  // namespace h5flume::mapped
