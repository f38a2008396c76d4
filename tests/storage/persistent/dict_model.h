#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace h5flume::test {

// What a dict with integers for keys ought to hold: entries in order.
template <class Value>
class DictModel {
 public:
  void set(int key, Value value) {
    if (auto* entry = find(key)) {
      entry->second = std::move(value);
    } else {
      entries_.emplace_back(key, std::move(value));
    }
  }
  bool erase(int key) {
    return std::erase_if(entries_, [key](const auto& entry) { return entry.first == key; }) > 0;
  }
  const Value* value(int key) {
    const auto* entry = find(key);
    return entry ? &entry->second : nullptr;
  }
  void clear() { entries_.clear(); }
  std::size_t size() const { return entries_.size(); }

  const std::vector<std::pair<int, Value>>& entries() const { return entries_; }

 private:
  std::pair<int, Value>* find(int key) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [key](const auto& entry) { return entry.first == key; });
    return found == entries_.end() ? nullptr : &*found;
  }

  std::vector<std::pair<int, Value>> entries_;
};

}  // namespace h5flume::test
