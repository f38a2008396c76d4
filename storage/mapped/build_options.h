#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace h5flume {

/// What to do with a key that comes more than once into a map that has one value for each.
enum class DuplicateKeys {
  kRefuse,     ///< throw kInvalidArgument, naming the key
  kKeepFirst,  ///< keep the value that came first
  kKeepLast,   ///< keep the value that came last
};

/// How a container is built.
struct MappedBuildOptions {
  // --- behaviour ---
  DuplicateKeys duplicate_keys = DuplicateKeys::kRefuse;

  /// Stores equal values of a map once, if they have more than 8 bytes. Values are remembered as
  /// long as the budget allows: one that comes back after very many others is stored again.
  bool share_equal_values = false;

  /// Lets WritableMap write to the numbers of its values. Equal values must not be shared then.
  bool writable = false;

  /// Bytes of the caller's own that are kept with the container, and that nothing here looks into:
  /// where the values came from, for instance. See mapped::Container::note().
  std::vector<std::byte> note = {};

  /// Whether the contents have to survive the machine's going down at any moment.
  bool durable = true;

  // --- performance ---
  /// Memory for sorting and for remembering; what does not fit waits on disk. At least 1 MiB. One
  /// value at a time has to fit beside it.
  std::size_t memory_budget_bytes = std::size_t{256} << 20U;

  /// For what waits on disk. Empty: the folder of the destination.
  std::string temporary_folder = {};
};

}  // namespace h5flume
