// The members of PersistentDict that reach into values.

#include <fmt/format.h>

#include <limits>

#include "core/error.h"
#include "storage/persistent/persistent_dict.h"

namespace h5flume {
namespace {

using Pointer = Json::json_pointer;

[[noreturn]] void refuse(ErrorCode code, const std::string& dict, const Key& key,
                         std::string_view path, std::string_view why) {
  throw Error(code, fmt::format("dict {} key {} path '{}': {}", dict, key.json_text(), path, why));
}

// Calls `use` with the pointer that a path stands for, and makes one kind of error of what can be
// wrong with either.
template <class Use>
auto with_pointer(const std::string& dict, const Key& key, std::string_view path, Use use) {
  try {
    return use(Pointer(std::string(path)));
  } catch (const Json::parse_error&) {
    refuse(ErrorCode::kInvalidArgument, dict, key, path, "it is no JSON pointer");
  } catch (const Json::exception&) {
    refuse(ErrorCode::kNotFound, dict, key, path, "there is nothing");
  }
}

__extension__ using Wide = __int128;

// The sum, an integer as long as it is one of 64 bits.
Json sum_of(const Json& left, const Json& right) {
  if (!left.is_number_integer() || !right.is_number_integer()) {
    return left.get<double>() + right.get<double>();
  }
  const auto wide = [](const Json& number) {
    return number.is_number_unsigned() ? static_cast<Wide>(number.get<std::uint64_t>())
                                       : static_cast<Wide>(number.get<std::int64_t>());
  };
  const Wide sum = wide(left) + wide(right);
  if (sum > std::numeric_limits<std::uint64_t>::max() ||
      sum < std::numeric_limits<std::int64_t>::min()) {
    throw Error(ErrorCode::kInvalidArgument, "the sum has more than 64 bits");
  }
  return sum < 0 ? Json(static_cast<std::int64_t>(sum)) : Json(static_cast<std::uint64_t>(sum));
}

}  // namespace

Json PersistentDict::at(const Key& key, std::string_view path) const {
  const Json value = at(key);
  return with_pointer(this->path(), key, path, [&](const Pointer& to) { return value.at(to); });
}

void PersistentDict::set(const Key& key, std::string_view path, const Json& value) {
  change_part(key, path, [&](Json& whole, const Pointer& to) {
    if (to.empty()) {
      whole = value;
      return;
    }
    Json& parent = whole.at(to.parent_pointer());
    const bool at_end = parent.is_array() && to.back() == std::to_string(parent.size());
    if (at_end) {
      parent.push_back(value);
    } else if (parent.is_array() && to.back() != "-") {
      parent.at(Pointer("/" + to.back())) = value;
    } else {
      whole[to] = value;
    }
  });
}

void PersistentDict::append(const Key& key, std::string_view path, const Json& value) {
  change_part(key, path, [&](Json& whole, const Pointer& to) {
    Json& array = whole.at(to);
    if (!array.is_array()) {
      refuse(ErrorCode::kInvalidArgument, this->path(), key, path, "it is no array");
    }
    array.push_back(value);
  });
}

Json PersistentDict::increment(const Key& key, std::string_view path, const Json& by) {
  Json result;
  const auto add = [&](Json& whole, const Pointer& to) {
    Json& parent = to.empty() ? whole : whole.at(to.parent_pointer());
    Json& number = to.empty() || parent.is_array() ? whole.at(to) : whole[to];
    if (number.is_null()) number = 0;
    if (!number.is_number() || !by.is_number()) {
      refuse(ErrorCode::kInvalidArgument, this->path(), key, path, "it is no number");
    }
    number = sum_of(number, by);
    result = number;
  };
  if (path.empty()) setdefault(key, 0);
  change_part(key, path, add);
  return result;
}

void PersistentDict::erase(const Key& key, std::string_view path) {
  change_part(key, path, [&](Json& whole, const Pointer& to) {
    if (to.empty()) {
      refuse(ErrorCode::kInvalidArgument, this->path(), key, path,
             "that is the whole value; erase the key");
    }
    Json& parent = whole.at(to.parent_pointer());
    static_cast<void>(whole.at(to));
    if (parent.is_array()) {
      parent.erase(std::stoull(to.back()));
    } else {
      parent.erase(to.back());
    }
  });
}

void PersistentDict::change_part(const Key& key, std::string_view path,
                                 const std::function<void(Json&, const Pointer&)>& change) {
  with_pointer(this->path(), key, path, [&](const Pointer& to) {
    update(key, [&](Json value) {
      if (value.is_null() && !contains(key)) {
        throw Error(ErrorCode::kNotFound,
                    fmt::format("dict {}: no key {}", this->path(), key.json_text()));
      }
      change(value, to);
      return value;
    });
  });
}

}  // namespace h5flume
