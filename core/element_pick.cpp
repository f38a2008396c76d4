#include "core/element_pick.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/error.h"

namespace h5flume {
namespace {

void add_piece(std::vector<ElementPick::Piece>& pieces, const ElementPick::Piece& next) {
  if (!pieces.empty()) {
    ElementPick::Piece& last = pieces.back();
    if (last.from + last.bytes == next.from && last.to + last.bytes == next.to) {
      last.bytes += next.bytes;
      return;
    }
  }
  pieces.push_back(next);
}

void add_field(ElementPick& pick, const std::string& name, const FieldPlace& place) {
  if (pick.type.field(name) != nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("field '{}' is asked for more than once", name));
  }
  add_piece(pick.pieces, {place.offset, pick.type.size, place.type->size});
  pick.type.fields.push_back({name, pick.type.size, *place.type});
  pick.type.size += place.type->size;
}

// Each byte of a row is delivered once.
void require_different(const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    for (std::size_t j = 0; j < fields.size(); ++j) {
      if (i == j || !lies_in_field(fields[i], fields[j])) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("field '{}' is asked for more than once", fields[i]));
    }
  }
}

[[noreturn]] void refuse(const ElementType& compound, const std::string& path) {
  if (compound.kind != ElementKind::kCompound) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("no field '{}': {} has no fields", path, to_string(compound)));
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("no field '{}'; the fields are {}", path, field_names(compound)));
}

}  // namespace

std::string field_names(const ElementType& compound) {
  std::string names;
  for (const Field& field : compound.fields) {
    names += (names.empty() ? "" : ", ") + field.name;
  }
  return names;
}

FieldPlace find_field(const ElementType& compound, const std::string& path) {
  // The whole path first, then its shorter and shorter beginnings.
  for (std::size_t end = path.size(); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    const Field* const found = compound.field(std::string_view(path).substr(0, end));
    if (found == nullptr) continue;
    if (end == path.size()) return {found->offset, &found->type};
    if (found->type.kind != ElementKind::kCompound) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("field '{}' has no fields inside", path.substr(0, end)));
    }
    FieldPlace inner = find_field(found->type, path.substr(end + 1));
    inner.offset += found->offset;
    return inner;
  }
  refuse(compound, path);
}

bool lies_in_field(const std::string& path, const std::string& outer) {
  return path == outer || path.starts_with(outer + "/");
}

bool ElementPick::is_whole() const noexcept {
  return axes.empty() && pieces.size() == 1 && pieces[0] == Piece{0, 0, element_bytes};
}

ElementPick pick_fields(const ElementType& element, const FieldChoice& choice) {
  ElementPick pick;
  pick.element_bytes = element.size;
  FieldPlace inside{0, &element};
  if (!choice.inside.empty()) inside = find_field(element, choice.inside);
  if (!choice.names.empty()) {
    pick.type.kind = ElementKind::kCompound;
    for (const std::string& name : choice.names) {
      FieldPlace place = find_field(*inside.type, name);
      place.offset += inside.offset;
      add_field(pick, name, place);
    }
    return pick;
  }
  const ElementType* type = inside.type;
  for (; type->kind == ElementKind::kArray; type = &type->base.front()) {
    pick.axes.insert(pick.axes.end(), type->dims.begin(), type->dims.end());
  }
  pick.type = *type;
  pick.pieces.push_back({inside.offset, 0, type->size});
  return pick;
}

ElementPick pick_columns(const ElementType& row, const std::vector<std::string>& fields) {
  require_different(fields);
  ElementPick pick = pick_fields(row, {.inside = {}, .names = fields});
  if (fields.size() == 1) pick.type = ElementType(pick.type.fields.front().type);
  return pick;
}

}  // namespace h5flume
