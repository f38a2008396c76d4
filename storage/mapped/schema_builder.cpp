#include "storage/mapped/schema_builder.h"

#include <fmt/format.h>

#include "core/error.h"

namespace h5flume::mapped {

std::pair<std::uint32_t, bool> SchemaBuilder::enter(std::string_view name, std::type_index type) {
  const auto number = static_cast<std::uint32_t>(schema_.structures.size());
  const auto [found, is_new] = known_.try_emplace(std::string(name), Known{type, number});
  if (is_new) {
    schema_.structures.emplace_back();
  } else if (found->second.type != type) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("make a schema: two different structs have the name '{}'", name));
  }
  return {found->second.number, is_new};
}

}  // namespace h5flume::mapped
