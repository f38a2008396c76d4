#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/error.h"
#include "tests/readers/jobs/job_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

ChunkJobOptions with_output(const JobFolder& folder, unsigned threads = 2) {
  auto options = pieces_of_8(threads);
  options.output = JobOutput{folder.output()};
  return options;
}

JobStatistics run(const JobFolder& folder, const ChunkJob::Function& function,
                  unsigned threads = 2) {
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker(), {.max_tries = 1});
  return ChunkJob(reader.dataset("/x"), tracker, with_output(folder, threads)).run(function);
}

std::string error_of(const JobFolder& folder, std::uint64_t first_row) {
  return ProgressTracker(folder.tracker()).find(Key::tuple("/x", first_row))->error;
}

}  // namespace

TEST_CASE("rows that a job makes are a dataset", "[readers][jobs]") {
  const JobFolder folder;
  CHECK(run(folder, doubled, GENERATE(1u, 4u)).done == 13);
  CHECK(holds_doubled_rows(folder.output()));
  const auto info = trusting_reader(folder.output()).dataset("/result").info();
  CHECK(info.shape == std::vector<std::uint64_t>{100, 40});
  CHECK(info.layout == hdf5::Layout::kContiguous);
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(folder.output()).parent_path())) {
    CHECK(entry.path().extension() != ".tmp");
  }
}

TEST_CASE("rows may come with a value, and be of another type and shape", "[readers][jobs]") {
  const JobFolder folder;
  run(folder, [](const JobPiece& piece, const Array&) -> JobResult {
    const std::vector<double> means(piece.row_count, static_cast<double>(piece.number));
    return {JobRows::of<double>(means), Json(piece.number)};
  });
  const auto result = trusting_reader(folder.output()).dataset("/result").read(all());
  CHECK(result.shape() == std::vector<std::uint64_t>{100});
  CHECK(values_of<double>(result)[99] == 12.0);
  CHECK(ProgressTracker(folder.tracker()).find(Key::tuple("/x", 96))->result == 12);
}

TEST_CASE("an output that was begun is filled by whoever goes on", "[readers][jobs]") {
  const JobFolder folder;
  std::atomic<bool> fails{true};
  const auto half = [&](const JobPiece& piece, const Array& rows) {
    if (fails && piece.number % 2 == 1) throw std::runtime_error("not yet");
    return doubled(piece, rows);
  };
  CHECK(run(folder, half, 1).done == 7);
  fails = false;
  ProgressTracker(folder.tracker()).retry_exhausted();
  CHECK(run(folder, half, 3).done_before == 7);
  CHECK(holds_doubled_rows(folder.output()));
}

TEST_CASE("several processes agree on one output", "[readers][jobs]") {
  const JobFolder folder;
  std::atomic<int> working{0};
  const auto together = [&](const JobPiece& piece, const Array& rows) {
    if (++working <= 4) {
      while (working < 4) std::this_thread::yield();  // all make the output at the same time
    }
    return doubled(piece, rows);
  };
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 4; ++i) processes.emplace_back([&] { run(folder, together, 1); });
  }
  CHECK(holds_doubled_rows(folder.output()));
}

TEST_CASE("rows that do not fit fail their piece and say why", "[readers][jobs]") {
  const JobFolder folder;
  const auto numbers = run(
      folder,
      [](const JobPiece& piece, const Array& rows) -> JobResult {
        const std::vector<std::int32_t> values(40 * piece.row_count);
        if (piece.number == 1) return JobRows::of<std::int32_t>(std::span(values).first(40), {40});
        if (piece.number == 2) return JobRows::of<std::int32_t>(values, {20, 2});
        if (piece.number == 3) return JobRows::of<float>(std::vector<float>(320), {40});
        if (piece.number == 4) return Json("no rows");
        if (piece.number == 5) return JobRows{element_type_of<std::int32_t>(), {8, 40}, {}};
        return doubled(piece, rows);
      },
      1);
  CHECK(numbers.done == 8);
  CHECK(error_of(folder, 8) == "the result has 1 rows, and the piece 8");
  CHECK_THAT(error_of(folder, 16), contains("shape (20, 2)"));
  CHECK_THAT(error_of(folder, 24), contains("type float32"));
  CHECK_THAT(error_of(folder, 32), contains("no rows"));
  CHECK_THAT(error_of(folder, 40), contains("0 bytes"));
}

TEST_CASE("rows without an output fail their piece", "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker(), {.max_tries = 1});
  ChunkJob(reader.dataset("/x"), tracker, pieces_of_8()).run(doubled);
  CHECK(tracker.status().exhausted == 13);
  CHECK_THAT(error_of(folder, 0), contains("no output"));
}

TEST_CASE("an output that is gone, or somebody else's, is not written to", "[readers][jobs]") {
  const JobFolder folder;
  SECTION("gone although pieces are done") {
    run(folder, doubled);
    std::filesystem::remove(folder.output());
    CHECK_THROWS_WITH(run(folder, doubled), contains("it is not there, although pieces are done"));
  }
  SECTION("another job's") {
    run(folder, doubled);
    std::filesystem::remove_all(folder.tracker());
    CHECK_THROWS_WITH(run(folder, doubled), contains("not this job's"));
    CHECK(holds_doubled_rows(folder.output()));
  }
  SECTION("the source itself") {
    Reader reader = trusting_reader(folder.file());
    ProgressTracker tracker(folder.tracker());
    auto options = pieces_of_8();
    options.output = JobOutput{folder.file(), "/x"};
    CHECK_THROWS_WITH(ChunkJob(reader.dataset("/x"), tracker, options), contains("not this job's"));
  }
  SECTION("no HDF5 file") {
    std::ofstream(folder.output()) << "notes";
    CHECK_THROWS_WITH(run(folder, doubled), contains("not an HDF5 file"));
  }
  SECTION("in a folder that is not there") {
    Reader reader = trusting_reader(folder.file());
    ProgressTracker tracker(folder.tracker());
    auto options = pieces_of_8();
    options.output = JobOutput{folder.path("nowhere/out.h5")};
    ChunkJob job(reader.dataset("/x"), tracker, options);
    CHECK_THROWS_WITH(job.run(doubled), contains("out.h5"));
    CHECK(tracker.status().exhausted == 0);
  }
}

TEST_CASE("an output that is removed while a job runs ends it", "[readers][jobs]") {
  const JobFolder folder;
  CHECK_THROWS_WITH(run(
                        folder,
                        [&](const JobPiece& piece, const Array& rows) {
                          if (piece.number == 3) std::filesystem::remove(folder.output());
                          return doubled(piece, rows);
                        },
                        1),
                    contains("was removed"));
}
