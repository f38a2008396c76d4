#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/type_parts_internal.h"

namespace h5flume::hdf5 {
namespace {

// One wanted field, split at the level that is being looked at.
struct Wanted {
  unsigned index = 0;  ///< of the member on this level
  std::string rest;    ///< path inside that member; empty: all of it
  std::string name;    ///< as the caller wrote it
  bool alone = false;  ///< nothing else is wanted
};

Wanted find_member(const std::vector<std::string>& members, const Wanted& wanted,
                   const TypePlace& place) {
  const std::string& path = wanted.rest;
  // The whole path first, then its shorter and shorter beginnings: a member may contain a slash.
  for (std::size_t end = path.size(); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    const auto found = std::find(members.begin(), members.end(), path.substr(0, end));
    if (found != members.end()) {
      return {static_cast<unsigned>(found - members.begin()),
              end == path.size() ? "" : path.substr(end + 1), wanted.name, wanted.alone};
    }
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("no field '{}'{}; the fields are {}", path,
                          place.field.empty() ? "" : " in field '" + place.field + "'",
                          fmt::join(members, ", ")));
}

// The memory type for some fields: `type` is a compound that nests as the file's does, while
// `leaves` lists what is delivered, in order; both describe the same packed bytes.
struct Choice {
  MemoryType memory;
  std::vector<TypeMember> leaves;
};

Choice choose(const H5::DataType& file_type, const std::vector<Wanted>& paths,
              const TypePlace& place);

// All wanted fields that lie in one member of this level.
Choice choose_inside(const H5::DataType& type, const std::vector<Wanted>& group,
                     const TypePlace& place) {
  if (group.size() > 1 &&
      std::any_of(group.begin(), group.end(), [](const Wanted& w) { return w.rest.empty(); })) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("field '{}' is asked for more than once", place.field));
  }
  if (!group.front().rest.empty()) {
    if (type.getClass() != H5T_COMPOUND) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("field '{}' has no fields inside", place.field));
    }
    return choose(type, group, place);
  }
  Choice whole;
  // libhdf5 gives no more than a pointer for variable lengths, which can be looked after where
  // nothing lies beside it.
  const bool variable = group.front().alone && is_variable_length(type);
  whole.memory = variable ? variable_type(type, place) : whole_type(type, place);
  whole.leaves.push_back({group.front().name, whole.memory});
  return whole;
}

Choice choose(const H5::DataType& file_type, const std::vector<Wanted>& paths,
              const TypePlace& place) {
  if (place.depth > kDeepestTypeNesting) unsupported_type(place, "of more than 64 nested levels");
  const std::vector<std::string> names = member_names(file_type);
  std::vector<std::vector<Wanted>> groups;
  for (const Wanted& path : paths) {
    Wanted wanted = find_member(names, path, place);
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return group.front().index == wanted.index;
    });
    if (same == groups.end()) {
      groups.push_back({std::move(wanted)});
    } else if (&*same == &groups.back()) {
      same->push_back(std::move(wanted));
    } else {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("fields '{}' and '{}' lie in the same field '{}' and must stand "
                              "side by side",
                              same->back().name, path.name, names[wanted.index]));
    }
  }

  Choice choice;
  std::vector<TypeMember> members;
  for (const std::vector<Wanted>& group : groups) {
    const unsigned index = group.front().index;
    Choice inner = choose_inside(member_type(file_type, index), group, place.into(names[index]));
    members.push_back({names[index], std::move(inner.memory)});
    std::move(inner.leaves.begin(), inner.leaves.end(), std::back_inserter(choice.leaves));
  }
  choice.memory = packed_compound(std::move(members), place);
  return choice;
}

}  // namespace

MemoryType chosen_fields(const H5::DataType& file_type, const std::vector<std::string>& fields) {
  if (file_type.getClass() != H5T_COMPOUND) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("no field '{}': the elements are not compounds", fields[0]));
  }
  std::vector<Wanted> paths;
  for (const std::string& field : fields) {
    paths.push_back({0, field, field, fields.size() == 1});
  }
  Choice choice = choose(file_type, paths, {});

  MemoryType memory;
  memory.type = choice.memory.type;
  memory.text = std::move(choice.memory.text);
  if (choice.leaves.size() == 1) {
    memory.element = std::move(choice.leaves[0].memory.element);
    return memory;
  }
  memory.element.kind = ElementKind::kCompound;
  for (TypeMember& leaf : choice.leaves) {
    const std::size_t size = leaf.memory.element.size;
    memory.element.fields.push_back(
        {std::move(leaf.name), memory.element.size, std::move(leaf.memory.element)});
    memory.element.size += size;
  }
  return memory;
}

}  // namespace h5flume::hdf5
