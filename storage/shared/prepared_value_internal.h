#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/shared/dict_core_internal.h"

namespace h5flume::shared {

// A value made ready before the lock is taken: serialized, checked, and known in its size.
//
// Lifetime: borrows the text of what it was made from.
class PreparedValue {
 public:
  // Throws kInvalidArgument for text that is not UTF-8 and what the serializer refuses. Under
  // `recurse` an object becomes a nested dict.
  PreparedValue(const DictCore& core, const SharedInput& input, bool recurse);

  // An upper limit of what its operations take, for a key of that size.
  std::size_t bytes_to_set(std::size_t key_bytes) const noexcept;

  void set(DictCore::Change& change, const Replica::Place& place) const;

  // Whether it is what a dict holds.
  bool equals(const DictCore& core, const SharedValue& value) const;

 private:
  PlainValue value_;
  std::string serialized_;                                           // what value_.text may lie in
  std::vector<std::pair<std::string_view, PreparedValue>> members_;  // of a nested dict

  friend void check_key(const DictCore& core, SharedKeyView key);
};

// Throws kInvalidArgument for text that is not UTF-8.
void check_key(const DictCore& core, SharedKeyView key);

// The value as JSON; a nested dict as an object. Throws kCorruptData.
Json to_json(const DictCore& core, const SharedValue& value);
Json node_to_json(const DictCore& core, std::uint32_t node);

// Whether two dicts, of one or of two attachments, have the same keys with the same values.
bool nodes_equal(const DictCore& one, std::uint32_t one_node, const DictCore& other,
                 std::uint32_t other_node);

}  // namespace h5flume::shared
