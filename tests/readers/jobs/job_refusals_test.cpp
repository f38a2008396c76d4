#include <filesystem>
#include <fstream>
#include <functional>

#include "core/error.h"
#include "tests/readers/jobs/job_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// What a job that cannot go on says.
std::string refusal(const JobFolder& folder, const ChunkJobOptions& options,
                    const std::string& dataset = "/x") {
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  try {
    ChunkJob(reader.dataset(dataset), tracker, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

void begin(const JobFolder& folder, ChunkJobOptions options) {
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  ChunkJob(reader.dataset("/x"), tracker, std::move(options));
}

}  // namespace

TEST_CASE("a job goes on only as what it was begun, and says what differs", "[readers][jobs]") {
  const JobFolder folder(Storage::kContiguous);
  begin(folder, pieces_of_8());
  CHECK(refusal(folder, pieces_of_8()) == "nothing");
  CHECK(refusal(folder, {}) == "nothing");
  CHECK_THAT(refusal(folder, {.piece_rows = 10}),
             contains("rows of a piece was 8 when it was begun, and is 10 now"));
  CHECK_THAT(refusal(folder, {.output = JobOutput{folder.output()}}),
             contains("output dataset was null when it was begun, and is \"/result\" now"));

  SECTION("another dataset") {
    H5::H5File file(folder.file(), H5F_ACC_RDWR);
    hdf5::write_ints(file, "/y", {100, 40}, hdf5::counting(4000), {});
    file.close();
    CHECK_THAT(refusal(folder, {}, "/y"), contains("dataset was \"/x\""));
  }
  SECTION("the file has been touched") {
    const auto time = std::filesystem::last_write_time(folder.file());
    std::filesystem::last_write_time(folder.file(), time + std::chrono::seconds(1));
    CHECK_THAT(refusal(folder, {}), contains("time of modification"));
  }
  SECTION("the file has grown") {
    std::ofstream(folder.file(), std::ios::app) << "more";
    CHECK_THAT(refusal(folder, {}), contains("size in bytes was"));
  }
}

TEST_CASE("a tracker of something else is left alone", "[readers][jobs]") {
  const JobFolder folder;
  ProgressTracker(folder.tracker()).add("mine");
  CHECK_THAT(refusal(folder, {}), contains("holds tasks of something else"));
  CHECK(ProgressTracker(folder.tracker()).size() == 1);
}

TEST_CASE("a file that changes while a job runs ends it", "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker(), {.max_tries = 1});
  ChunkJob job(reader.dataset("/x"), tracker, pieces_of_8(1));
  try {
    job.run([&](const JobPiece& piece, const Array& rows) {
      std::ofstream(folder.file(), std::ios::app) << "more";
      return summed(piece, rows);
    });
    FAIL("it went on");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kSourceChanged);
  }
  CHECK(tracker.status().exhausted == 0);  // no piece is to blame
  CHECK(tracker.status().leased == 0);
}

TEST_CASE("options that cannot be are named", "[readers][jobs]") {
  const JobFolder folder;
  CHECK_THAT(refusal(folder, {.piece_rows = 0}), contains("piece_rows is 0"));
  CHECK_THAT(refusal(folder, {.lease = std::chrono::milliseconds(5)}), contains("lease"));
  CHECK_THAT(refusal(folder, {.threads = 0}), contains("threads"));
  CHECK_THAT(refusal(folder, {.durability = Durability::kBatched}), contains("kBatched"));
  CHECK_THAT(refusal(folder, {.output = JobOutput{""}}), contains("no name"));
}
