#pragma once

#include <string>
#include <string_view>

#include "storage/persistent/json_lines.h"

namespace h5flume::persistent {

/// An item as a line of a tastypy file, without a newline: the key's JSON with each backslash
/// doubled, a tab, the value's JSON, all of it ASCII.
///
/// tastypy also escapes tabs in keys, but JSON text holds none. Its 0.0.3 fails on tuples when it
/// writes and makes tuples of arrays when it reads: they are written as arrays here.
std::string to_tastypy_line(const DictItem& item);

/// A task's own members are those of its value, with tastypy's `_tries`, `_done` and `_aborted`
/// behind them, and `_result` and `_error` where there are such, which tastypy carries along.
///
/// Throws kInvalidArgument, naming the key, if the value has a member of such a name already.
std::string to_tastypy_line(const Task& task);

/// The inverse, as tastypy 0.0.3 reads lines. Throws kCorruptData or kInvalidArgument, saying
/// what is wrong.
DictItem dict_item_from_tastypy_line(std::string_view line);

/// `_aborted` may be missing: POD.convert_to_tracker() leaves it out. A task that is both done
/// and aborted is done.
Task task_from_tastypy_line(std::string_view line);

}  // namespace h5flume::persistent
