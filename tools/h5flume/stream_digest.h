#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "readers/stream/block.h"
#include "tools/h5flume/sha256.h"

namespace h5flume::cli {

/// The SHA-256 of a stream in stream order, whatever the order of delivery and the size of blocks:
/// of the bytes; of variable-length data of each element's number of values, as 8 bytes little
/// endian, followed by the values.
///
/// A block that comes before its turn is held, and its ring slot with it. That cannot starve the
/// stream: blocks are handed to workers in stream order, so the block whose turn it is has had a
/// slot for itself before any later one got theirs.
class StreamDigest {
 public:
  /// Takes the next block, whose first row is row `position` of the stream (passes of a cyclic one
  /// counted on).
  void add(std::uint64_t position, Block block) {
    early_.emplace(position, std::move(block));
    while (!early_.empty() && early_.begin()->first == next_) {
      append(early_.begin()->second);
      early_.erase(early_.begin());
    }
  }

  /// Takes a block of an ordered stream, in which blocks may be missing.
  void append(const Block& block) {
    if (block.dataset().type.is_variable_length()) {
      append_lists(block.lists<std::byte>(), block.dataset().type.value_size());
    } else {
      sha256_.update(block.bytes());
    }
    next_ += block.row_count();
  }

  std::string finish() { return sha256_.finish(); }

 private:
  void append_lists(const ListsView<std::byte>& lists, std::size_t value_bytes) {
    for (std::uint64_t i = 0; i < lists.size(); ++i) {
      const auto values = lists[i];
      const std::uint64_t length = values.size() / value_bytes;
      sha256_.update(std::as_bytes(std::span(&length, 1)));
      sha256_.update(values);
    }
  }

  Sha256 sha256_;
  std::uint64_t next_ = 0;  // position of the block whose turn it is
  std::map<std::uint64_t, Block> early_;
};

}  // namespace h5flume::cli
