#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "core/error.h"
#include "core/file_identity.h"
#include "core/saturating.h"
#include "core/test_point.h"
#include "readers/jobs/job_record_internal.h"
#include "readers/jobs/utf8_text.h"

namespace h5flume::jobs {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20U;
constexpr int kVersion = 1;  // of the record's form

// An element of variable length takes its values and some bytes that tell where they are.
std::uint64_t estimated_row_bytes(const hdf5::DatasetInfo& dataset) {
  if (!dataset.type.is_variable_length()) return dataset.row_bytes();
  return saturating_product(dataset.row_elements(), 16 + dataset.mean_value_bytes_at_most);
}

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

// "/a/b" for "a//b/", which is the same dataset.
std::string absolute_path(const hdf5::DatasetInfo& dataset) {
  const auto normal = (std::filesystem::path("/") / dataset.path).lexically_normal().string();
  return utf8_text(normal.size() > 1 && normal.back() == '/' ? normal.substr(0, normal.size() - 1)
                                                             : normal);
}

Json description_of(const hdf5::DatasetInfo& dataset, const ChunkJobOptions& options) {
  const FileIdentity file = identity_of(dataset.file);
  Json description{{"version", kVersion},
                   {"dataset", absolute_path(dataset)},
                   {"shape", dataset.shape},
                   {"type", utf8_text(to_string(dataset.type))},
                   {"file", utf8_text(std::filesystem::path(dataset.file).filename().string())},
                   {"file_bytes", file.size_bytes},
                   {"file_modified_ns", file.modified_ns},
                   {"piece_rows", options.piece_rows.value_or(default_piece_rows(dataset))},
                   {"output", nullptr}};
  if (options.output) description["output"] = utf8_text(options.output->dataset);
  return description;
}

// Compares what a job was begun with to what it is to go on with. The file's name and place may
// have changed, it may have been copied to another machine.
class Comparison {
 public:
  Comparison(std::string address, const Json& begun, const Json& now)
      : address_(std::move(address)), begun_(begun), now_(now) {}

  void check(bool with_piece_rows) const {
    require("version", "form", ErrorCode::kUnsupported);
    require("dataset", "dataset", ErrorCode::kInvalidArgument);
    require("shape", "dataset's shape", ErrorCode::kSourceChanged);
    require("type", "dataset's element type", ErrorCode::kSourceChanged);
    require("file_bytes", "file's size in bytes", ErrorCode::kSourceChanged);
    require("file_modified_ns", "file's time of modification in nanoseconds",
            ErrorCode::kSourceChanged);
    require("output", "output dataset", ErrorCode::kInvalidArgument);
    if (with_piece_rows) {
      require("piece_rows", "number of rows of a piece", ErrorCode::kInvalidArgument);
    }
  }

 private:
  void require(const char* member, const char* words, ErrorCode code) const {
    if (begun_.value(member, Json()) == now_.at(member)) return;
    throw Error(code, fmt::format("continue the job in {}: the {} was {} when it was begun, and is "
                                  "{} now; for another job take another tracker",
                                  address_, words, begun_.value(member, Json()).dump(),
                                  now_.at(member).dump()));
  }

  std::string address_;
  const Json& begun_;
  const Json& now_;
};

[[noreturn]] void refuse_tracker(const ProgressTracker& tracker, const char* why) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("begin a job in {}: {}", tracker.address(), why));
}

// The record as it stands in the tracker, this one's or that of whoever was first.
Task agreed_record(ProgressTracker& tracker, const Json& description) {
  // A job's record is there before its pieces are: so tasks that were seen without one, looked for
  // afterwards, are none of a job that others are just beginning.
  if (tracker.size() > 0 && !tracker.contains(record_key())) {
    refuse_tracker(tracker, "it holds tasks of something else");
  }
  Json value = description;
  value["id"] = random_id();
  if (tracker.add_if_absent(record_key(), value)) test_point("job.recorded", 0);
  auto record = tracker.find(record_key());
  if (!record) refuse_tracker(tracker, "its tasks are being removed by somebody else");
  return std::move(*record);
}

void add_pieces(ProgressTracker& tracker, const hdf5::DatasetInfo& dataset, const JobRecord& job) {
  std::uint64_t next = 0;
  tracker.add_many_if_absent([&]() -> std::optional<NewTask> {
    if (next == job.count) return std::nullopt;
    const std::uint64_t first = job.pieces.first_row(next);
    const std::uint64_t rows = job.pieces.row_count(next++);
    return NewTask{piece_key(dataset, first), {{"first", first}, {"rows", rows}}};
  });
}

}  // namespace

std::uint64_t default_piece_rows(const hdf5::DatasetInfo& dataset) {
  const std::uint64_t row_bytes = std::max<std::uint64_t>(estimated_row_bytes(dataset), 1);
  const std::uint64_t unit =
      dataset.chunk.empty() ? 1 : std::max<std::uint64_t>(dataset.chunk[0], 1);
  const std::uint64_t units = kPieceBytes / saturating_product(row_bytes, unit);
  return std::max<std::uint64_t>(units, 1) * unit;
}

const Key& record_key() {
  static const Key key("job");
  return key;
}

Key piece_key(const hdf5::DatasetInfo& dataset, std::uint64_t first_row) {
  return Key::tuple(absolute_path(dataset), first_row);
}

JobRecord take_up_job(ProgressTracker& tracker, const hdf5::DatasetInfo& dataset,
                      const ChunkJobOptions& options) {
  const Json description = description_of(dataset, options);
  const Task record = agreed_record(tracker, description);
  Comparison(tracker.address(), record.value, description).check(options.piece_rows.has_value());

  JobRecord job;
  job.id = record.value.at("id").get<std::string>();
  job.pieces.rows = {0, dataset.row_count()};
  job.pieces.block_rows = record.value.at("piece_rows").get<std::uint64_t>();
  job.pieces.remainder = true;
  job.count = *job.pieces.block_count();
  // Those who find the record not done add the pieces too: whoever began may have died of it.
  if (record.state != TaskState::kDone) {
    add_pieces(tracker, dataset, job);
    tracker.mark_done(record_key());
  }
  return job;
}

}  // namespace h5flume::jobs
