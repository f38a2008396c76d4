#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "storage/mapped/schema.h"

namespace h5flume::mapped {

struct Plan;

/// Where a wanted field is found in a record that was written by another schema.
struct FieldPlan {
  const Plan* type = nullptr;  ///< nullptr: the file does not have this field
  std::uint32_t offset = 0;
  std::int32_t set_bit = -1;
  std::int32_t value_bit = -1;
};

/// How a value of a wanted type is read from a file.
struct Plan {
  std::uint32_t bytes = 0;                 ///< of its slot in the file
  std::vector<FieldPlan> fields;           ///< of a structure, in the wanted order
  std::array<const Plan*, 2> arguments{};  ///< of a list, set, dict and so on
};

/// The plans for all types of a schema, as made from that of a file.
///
/// Lifetime: owns its plans; they stay where they are when it is moved.
/// Threads: may be read by several at once.
class ReadPlan {
 public:
  /// Fields are found by name: those that the file lacks read as defaults, those that are not
  /// wanted are passed over. Throws kUnsupported, naming the field and both types, where a type
  /// differs, or where the file may hold unset or null values that the wanted type has no room for.
  ReadPlan(const Schema& wanted, const Schema& found);
  ReadPlan(ReadPlan&&) = default;
  ReadPlan& operator=(ReadPlan&&) = default;

  const Plan& root() const noexcept { return *root_; }

 private:
  std::deque<Plan> plans_;
  const Plan* root_ = nullptr;
};

/// Why values of the schema `wanted` cannot be read from a file of the schema `found`; nothing if
/// they can: `why_unreadable(schema_of<Sample>(), container.schema())`.
std::optional<std::string> why_unreadable(const Schema& wanted, const Schema& found);

}  // namespace h5flume::mapped
