#include "core/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/python_literal_internal.h"
#include "core/selection_internal.h"

namespace h5flume {
namespace {

bool lies_in(std::string_view path, std::string_view field) {
  return path == field || (path.starts_with(field) && path[field.size()] == '/');
}

// Only what an earlier step has left can be chosen from.
void check_left(const FieldChoice& choice, const std::string& path) {
  const auto& left = choice.names;
  const bool is_left = std::any_of(left.begin(), left.end(),
                                   [&](const std::string& name) { return lies_in(path, name); });
  if (left.empty() || is_left) return;
  std::string names;
  for (const auto& name : left) names += (names.empty() ? "" : ", ") + python_literal(name);
  throw Error(ErrorCode::kNotFound, fmt::format("select field {}: the step before has left only {}",
                                                python_literal(path), names));
}

void check_name(const std::string& path) {
  if (path.empty()) refuse_selection("select field '': a field's name is not empty");
}

struct ChooseFields {
  FieldChoice& choice;

  void operator()(const AxisItems&) const {}

  void operator()(const FieldName& field) const {
    check_name(field.path);
    check_left(choice, field.path);
    choice.inside += (choice.inside.empty() ? "" : "/") + field.path;
    choice.names.clear();
  }

  void operator()(const FieldList& fields) const {
    if (fields.paths.empty()) refuse_selection("select fields: none is named");
    for (const auto& path : fields.paths) {
      check_name(path);
      check_left(choice, path);
    }
    choice.names = fields.paths;
  }
};

}  // namespace

void append_item(AxisItems& step, AxisItem item) {
  if (is_ellipsis(item) && std::any_of(step.begin(), step.end(), is_ellipsis)) {
    refuse_selection("select: a second ellipsis in the same brackets");
  }
  if (is_list(item) && std::any_of(step.begin(), step.end(), is_list)) {
    refuse_selection(
        "select: a second list or mask in the same brackets, which numpy would pair with the first "
        "place by place; for every combination of the two give each brackets of its own, as in "
        "[[1, 2]][:, [3, 4]]");
  }
  if (const auto* slice = std::get_if<Slice>(&item); slice != nullptr && slice->step == 0) {
    refuse_selection("select: the step of a slice is 0");
  }
  step.push_back(std::move(item));
}

std::vector<std::string> FieldChoice::paths() const {
  if (names.empty()) return inside.empty() ? std::vector<std::string>{} : std::vector{inside};
  std::vector<std::string> all;
  for (const auto& name : names) all.push_back(inside.empty() ? name : inside + "/" + name);
  return all;
}

Selection::Selection(AxisItems items) {
  if (items.empty()) return;
  AxisItems step;
  step.reserve(items.size());
  for (AxisItem& item : items) append_item(step, std::move(item));
  steps_.emplace_back(std::move(step));
}

Selection::Selection(FieldName field) : steps_{std::move(field)} { field_choice(); }

Selection::Selection(FieldList fields) : steps_{std::move(fields)} { field_choice(); }

Selection Selection::operator[](const Selection& next) const {
  Selection both = *this;
  both.steps_.insert(both.steps_.end(), next.steps_.begin(), next.steps_.end());
  both.field_choice();
  return both;
}

FieldChoice Selection::field_choice() const {
  FieldChoice choice;
  for (const Step& step : steps_) std::visit(ChooseFields{choice}, step);
  return choice;
}

}  // namespace h5flume
