#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>

#include "storage/mapped/schema.h"

namespace h5flume::mapped {

/// Collects the structures of a schema, each once, however they refer to each other.
class SchemaBuilder {
 public:
  /// The number of the structure that stands for a C++ type, and whether it is new: then its
  /// contents have to follow, by complete(). Throws kInvalidArgument if another C++ type has the
  /// same name.
  std::pair<std::uint32_t, bool> enter(std::string_view name, std::type_index type);

  void complete(std::uint32_t number, Structure structure) {
    schema_.structures[number] = std::move(structure);
  }

  Schema finish(Type root) && {
    schema_.root = std::move(root);
    return std::move(schema_);
  }

 private:
  struct Known {
    std::type_index type;
    std::uint32_t number;
  };

  Schema schema_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace h5flume::mapped
