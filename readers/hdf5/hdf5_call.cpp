#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "readers/hdf5/hdf5_call_internal.h"

namespace h5flume::hdf5 {
namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

bool has(const std::vector<StackEntry>& stack, std::string_view words) {
  return std::any_of(stack.begin(), stack.end(), [&](const StackEntry& entry) {
    return entry.text.find(words) != std::string::npos;
  });
}

bool has_minor(const std::vector<StackEntry>& stack, hid_t minor) {
  return std::any_of(stack.begin(), stack.end(),
                     [&](const StackEntry& entry) { return entry.minor == minor; });
}

const std::string& innermost_text(const std::vector<StackEntry>& stack) {
  static const std::string kUnknown = "libhdf5 gives no reason";
  for (const StackEntry& entry : stack) {
    if (!entry.text.empty()) return entry.text;
  }
  return kUnknown;
}

// The filters of libhdf5 itself fail inside a function that carries their name. A plug-in leaves
// no entry of its own, and newer releases (1.14.5) record none inside any filter: then it is one
// of the dataset's.
std::string failed_filter(const std::vector<StackEntry>& stack, std::span<const Filter> filters) {
  constexpr std::pair<std::string_view, std::string_view> kFilters[] = {
      {"deflate", "gzip"}, {"shuffle", "shuffle"}, {"fletcher32", "fletcher32"},
      {"szip", "szip"},    {"nbit", "nbit"},       {"scaleoffset", "scaleoffset"}};
  for (const StackEntry& entry : stack) {
    for (const auto& [function, name] : kFilters) {
      if (entry.function.find(function) != std::string::npos) {
        return fmt::format("filter '{}' fails ({})", name, innermost_text(stack));
      }
    }
  }
  std::string name = filters.size() == 1 ? "filter " : "one of the filters ";
  if (filters.empty()) name = "a chunk filter";
  for (const Filter& filter : filters) {
    name += fmt::format("{}'{}'", &filter == filters.data() ? "" : ", ", filter.name);
  }
  return fmt::format("{} fails ({})", name, innermost_text(stack));
}

}  // namespace

LibraryAccess::LibraryAccess() : lock_(library_mutex()) {
  H5Eget_auto2(H5E_DEFAULT, &previous_function_, &previous_data_);
  H5Eset_auto2(H5E_DEFAULT, &LibraryAccess::record, this);
}

LibraryAccess::~LibraryAccess() { H5Eset_auto2(H5E_DEFAULT, previous_function_, previous_data_); }

// Called by libhdf5 in place of printing, when an API function is about to return a failure.
herr_t LibraryAccess::record(hid_t stack, void* access) {
  auto& failure = static_cast<LibraryAccess*>(access)->failure_;
  try {
    failure.clear();
    H5Ewalk2(
        stack, H5E_WALK_UPWARD,
        [](unsigned, const H5E_error2_t* error, void* entries) -> herr_t {
          try {
            static_cast<std::vector<StackEntry>*>(entries)->push_back(
                {error->min_num, error->func_name ? error->func_name : "",
                 error->desc ? error->desc : ""});
            return 0;
          } catch (...) {
            return -1;
          }
        },
        &failure);
  } catch (...) {
    return -1;
  }
  return 0;
}

std::pair<ErrorCode, std::string> cause_of(const std::vector<StackEntry>& stack,
                                           std::span<const Filter> filters) {
  if (has(stack, "unable to locate file signature") || has(stack, "file signature not found")) {
    return {ErrorCode::kCorruptData, "not an HDF5 file"};
  }
  if (has(stack, "unable to lock file")) {
    return {ErrorCode::kIo, "another process has the file open for writing"};
  }
  if (has(stack, "truncated file")) {
    return {ErrorCode::kCorruptData, fmt::format("{}", innermost_text(stack))};
  }
  if (has(stack, "required filter") && has(stack, "not registered")) {
    return {ErrorCode::kMissingFilter, innermost_text(stack)};
  }
  if (has(stack, "filter returned failure")) {
    return {ErrorCode::kCorruptData, failed_filter(stack, filters)};
  }
  if (has_minor(stack, H5E_NOSPACE) || has_minor(stack, H5E_CANTALLOC)) {
    return {ErrorCode::kOutOfMemory, innermost_text(stack)};
  }
  if (innermost_text(stack).starts_with("object '"))
    return {ErrorCode::kNotFound, "no such dataset"};
  // Around another cause it only says what was looked for then, as in a damaged index.
  if (!stack.empty() && stack.front().minor == H5E_NOTFOUND) {
    return {ErrorCode::kNotFound, innermost_text(stack)};
  }
  if (has(stack, "file read failed")) return {ErrorCode::kIo, innermost_text(stack)};
  return {ErrorCode::kCorruptData, innermost_text(stack)};
}

void LibraryAccess::throw_failure(const std::string& operation, const std::string& object) const {
  const auto [code, cause] = cause_of(failure_);
  throw Error(code, fmt::format("{} {}: {}", operation, object, cause));
}

}  // namespace h5flume::hdf5
