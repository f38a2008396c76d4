#pragma once

#include <string>
#include <string_view>

#include "storage/persistent/persistent_dict.h"
#include "storage/persistent/task.h"

namespace h5flume {

/// An item of a dict or a task as a line of JSON, without a newline (docs/exchange.md):
///
///   {"key":"epoch","value":3}
///   {"key":["/images",4096],"value":{},"state":"done","tries":1,"result":0.5}
///
/// The members are always these, in this order; a task's "result" and "error" only if there are
/// any.
std::string to_json_line(const DictItem& item);
std::string to_json_line(const Task& task);

/// The inverse, the members in any order.
///
/// Throws kCorruptData or kInvalidArgument, naming the member, for what is no such line: other
/// members than these too, which would be lost.
DictItem dict_item_from_json_line(std::string_view line);

/// All but "key" may be missing: what a task begins with takes its place.
Task task_from_json_line(std::string_view line);

}  // namespace h5flume
