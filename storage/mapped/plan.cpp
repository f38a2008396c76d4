#include "storage/mapped/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"

namespace h5flume::mapped {
namespace {

// One plan for each pair of structures, so that types that refer to themselves come to an end.
class Matcher {
 public:
  Matcher(const Schema& wanted, const Schema& found, std::deque<Plan>& plans)
      : wanted_(wanted), found_(found), plans_(plans) {}

  const Plan* match(const Type& wanted, const Type& found, const std::string& what) {
    if (wanted.kind != found.kind) refuse_type(wanted, found, what);
    if (wanted.kind == Kind::kStruct) return match_structures(wanted, found, what);
    Plan& plan = plans_.emplace_back();
    plan.bytes = slot_bytes(found_, found);
    for (std::size_t i = 0; i < wanted.arguments.size(); ++i) {
      plan.arguments.at(i) = match(wanted.arguments[i], found.arguments[i], what);
    }
    return &plan;
  }

 private:
  const Plan* match_structures(const Type& wanted, const Type& found, const std::string& what) {
    const auto& mine = wanted_.structures[wanted.structure];
    const auto& theirs = found_.structures[found.structure];
    if (mine.name != theirs.name) refuse_type(wanted, found, what);
    auto& known = structures_[{wanted.structure, found.structure}];
    if (known != nullptr) return known;
    Plan& plan = plans_.emplace_back();
    known = &plan;
    plan.bytes = theirs.bytes;
    plan.fields.reserve(mine.fields.size());
    for (const auto& field : mine.fields) plan.fields.push_back(match_field(field, theirs));
    return &plan;
  }

  FieldPlan match_field(const Field& wanted, const Structure& structure) {
    const auto found = std::find_if(structure.fields.begin(), structure.fields.end(),
                                    [&](const Field& field) { return field.name == wanted.name; });
    if (found == structure.fields.end()) return {};
    const std::string what = fmt::format("field '{}' of '{}'", wanted.name, structure.name);
    if (found->set_bit >= 0 && wanted.set_bit < 0) refuse_state(what, "unset");
    if (found->value_bit >= 0 && wanted.value_bit < 0) refuse_state(what, "null");
    return {.type = match(wanted.type, found->type, what),
            .offset = found->offset,
            .set_bit = found->set_bit,
            .value_bit = found->value_bit};
  }

  [[noreturn]] void refuse_type(const Type& wanted, const Type& found, const std::string& what) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is {} in the file, not {}", what, to_text(found_, found),
                            to_text(wanted_, wanted)));
  }
  [[noreturn]] static void refuse_state(const std::string& what, const char* state) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} may be {} in the file, which its type here cannot be", what, state));
  }

  const Schema& wanted_;
  const Schema& found_;
  std::deque<Plan>& plans_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, const Plan*> structures_;
};

}  // namespace

ReadPlan::ReadPlan(const Schema& wanted, const Schema& found)
    : root_(Matcher(wanted, found, plans_).match(wanted.root, found.root, "the value")) {}

std::optional<std::string> why_unreadable(const Schema& wanted, const Schema& found) {
  try {
    static_cast<void>(ReadPlan(wanted, found));
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace h5flume::mapped
