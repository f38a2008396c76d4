#include "readers/random/dataset.h"

#include <fmt/format.h>

#include <utility>

#include "readers/conditions/row_condition.h"
#include "readers/random/open_dataset_internal.h"
#include "readers/random/stage_state_internal.h"

namespace h5flume {
namespace {

[[noreturn]] void refuse_stage(const hdf5::DatasetInfo& info, const std::string& cause) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("make a stage for '{}' of {}: {}", info.path, info.file, cause));
}

void require_known_size(const hdf5::DatasetInfo& info) {
  if (!info.type.is_variable_length()) return;
  refuse_stage(info, "its elements are of variable length: give a number of bytes");
}

std::size_t stage_bytes(const hdf5::DatasetInfo& info,
                        const std::vector<std::optional<std::uint64_t>>& shape) {
  require_known_size(info);
  if (shape.size() > info.shape.size()) {
    refuse_stage(info,
                 fmt::format("{} axes, but the dataset has {}", shape.size(), info.shape.size()));
  }
  std::size_t bytes = info.type.size;
  for (std::size_t axis = 0; axis < info.shape.size(); ++axis) {
    const bool given = axis < shape.size() && shape[axis];
    const std::uint64_t extent = given ? *shape[axis] : info.shape[axis];
    if (__builtin_mul_overflow(bytes, extent, &bytes)) {
      refuse_stage(info, "no memory is that large");
    }
  }
  return bytes;
}

}  // namespace

const hdf5::DatasetInfo& Dataset::info() const noexcept { return dataset_->info(); }

Request Dataset::operator[](Selection selection) const {
  return Request(OpenDataset::specify(dataset_, std::move(selection)));
}

Selection Dataset::where(const std::string& condition) const {
  StreamOptions matching{.ordered = true, .remainder = true, .where = condition};
  // The less is delivered the better; that rows are there at all is what counts.
  if (const auto fields = fields_of_condition(condition); !fields.empty()) {
    matching.fields = {fields.front()};
  }
  std::vector<std::int64_t> rows;
  for (const Block& block : queue(matching)) {
    for (std::uint64_t i = 0; i < block.row_count(); ++i) {
      rows.push_back(static_cast<std::int64_t>(block.row_number(i)));
    }
  }
  return list(std::move(rows));
}

BlockQueue Dataset::queue(const StreamOptions& options) const { return dataset_->queue(options); }

Stage Dataset::stage(const std::vector<std::optional<std::uint64_t>>& shape) const {
  return stage_of_bytes(stage_bytes(info(), shape));
}

Stage Dataset::stage(const Request& largest) const {
  require_known_size(info());
  return stage_of_bytes(largest.bytes());
}

Stage Dataset::stage_of_bytes(std::size_t bytes) const {
  return Stage(std::make_shared<StageState>(StageMemory(dataset_->stage_kind(), bytes)));
}

StagePool Dataset::stage_pool(const std::vector<std::optional<std::uint64_t>>& shape,
                              std::size_t count) const {
  return stage_pool_of_bytes(stage_bytes(info(), shape), count);
}

StagePool Dataset::stage_pool_of_bytes(std::size_t bytes, std::size_t count) const {
  if (count == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("make a pool of 0 stages for '{}' of {}", info().path, info().file));
  }
  return StagePool(StagePoolState::make(dataset_->stage_kind(), bytes, count));
}

}  // namespace h5flume
