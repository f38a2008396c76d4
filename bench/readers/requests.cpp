#include "bench/readers/requests.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "core/error.h"

namespace h5flume::bench {
namespace {

constexpr std::array<std::pair<RequestKind, const char*>, 4> kNames{
    {{RequestKind::kRow, "row"},
     {RequestKind::kSlice, "slice"},
     {RequestKind::kBatch, "batch"},
     {RequestKind::kColumn, "column"}}};

std::uint64_t next_splitmix64(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

std::string to_string(RequestKind kind) {
  return std::ranges::find(kNames, kind, &decltype(kNames)::value_type::first)->second;
}

RequestKind request_kind_from(const std::string& name) {
  for (const auto& [kind, known] : kNames) {
    if (known == name) return kind;
  }
  throw Error(ErrorCode::kInvalidArgument, "no kind of request is named '" + name + "'");
}

std::uint64_t rows_of(RequestKind kind) {
  switch (kind) {
    case RequestKind::kRow:
      return 1;
    case RequestKind::kSlice:
      return 32;
    case RequestKind::kBatch:
      return 256;
    case RequestKind::kColumn:
      return 1024;
  }
  return 0;
}

Requests::Requests(RequestKind kind, std::uint64_t row_count, std::uint64_t seed, std::size_t count)
    : kind_(kind), numbers_each_(kind == RequestKind::kBatch ? rows_of(kind) : 1) {
  if (row_count < rows_of(kind)) {
    throw Error(ErrorCode::kInvalidArgument, "the dataset has fewer rows than one request");
  }
  const std::uint64_t places =
      kind == RequestKind::kBatch ? row_count : row_count - rows_of(kind) + 1;
  rows_.reserve(count * numbers_each_);
  std::unordered_set<std::int64_t> taken;
  for (std::size_t request = 0; request < count; ++request) {
    taken.clear();
    while (taken.size() < numbers_each_) {
      const auto row = static_cast<std::int64_t>(next_splitmix64(seed) % places);
      if (taken.insert(row).second) rows_.push_back(row);
    }
  }
}

Selection Requests::selection(std::size_t request) const {
  const auto numbers = rows(request);
  if (kind_ == RequestKind::kBatch) return list({numbers.begin(), numbers.end()});
  const std::int64_t first = numbers.front();
  const auto range = h5flume::rows(first, first + static_cast<std::int64_t>(rows_of(kind_)));
  if (kind_ == RequestKind::kColumn) return select(field(kColumnField))[range];
  return range;
}

}  // namespace h5flume::bench
