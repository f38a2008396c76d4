#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "readers/random/request.h"

namespace h5flume::bench {

/// What a request at random asks for.
enum class RequestKind {
  kRow,     ///< one row
  kSlice,   ///< 32 rows, one after the other
  kBatch,   ///< 256 different rows anywhere, in any order
  kColumn,  ///< one field of 1024 rows, one after the other; of table_gzip only
};

/// "row", "slice", "batch" or "column". The inverse throws Error{kInvalidArgument}.
std::string to_string(RequestKind kind);
RequestKind request_kind_from(const std::string& name);

/// How many rows such a request has.
std::uint64_t rows_of(RequestKind kind);

/// The field that kColumn asks for, an f4.
inline constexpr const char* kColumnField = "v3";

/// Requests at random, the same for the same seed on every machine: compare_random.py draws the
/// same ones. Number k of the sequence they are drawn from is splitmix64 at its k-th step from the
/// seed (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014), modulo how many
/// places there are. A batch leaves out the numbers it has already.
class Requests {
 public:
  /// Throws Error{kInvalidArgument} if the dataset has fewer rows than one request.
  Requests(RequestKind kind, std::uint64_t row_count, std::uint64_t seed, std::size_t count);

  /// One row each, in this order.
  explicit Requests(std::vector<std::int64_t> rows)
      : kind_(RequestKind::kRow), numbers_each_(1), rows_(std::move(rows)) {}

  RequestKind kind() const noexcept { return kind_; }
  std::size_t size() const noexcept { return rows_.size() / numbers_each_; }

  /// The row numbers of a batch; the first row of the others.
  std::span<const std::int64_t> rows(std::size_t request) const noexcept {
    return {rows_.data() + request * numbers_each_, numbers_each_};
  }

  /// As h5flume is asked for it.
  Selection selection(std::size_t request) const;

 private:
  RequestKind kind_;
  std::size_t numbers_each_;
  std::vector<std::int64_t> rows_;
};

}  // namespace h5flume::bench
