#include "readers/worker/isolated_dataset.h"

#include <cstdlib>
#include <fstream>

#include "tests/readers/chunks/index_support.h"
#include "tests/readers/hdf5/hdf5_support.h"
#include "tests/readers/stream/process_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

struct IsolatedFixture : ProcessFixture {
  FileOptions opening{.worker_path = H5FLUME_TEST_WORKER_PATH};

  std::unique_ptr<RowReader> open(std::chrono::milliseconds timeout = 8s) const {
    return open_isolated(path, "/t", opening, timeout);
  }
  BlockQueue threads(std::chrono::milliseconds timeout = 8s) const {
    return Streamer(path, opening)
        .queue("/t", {.kind = WorkerKind::kThreads,
                      .workers = 2,
                      .block_rows = kBlockRows,
                      .open_timeout = timeout});
  }
};

}  // namespace

TEST_CASE("a dataset opened in another process is read in this one", "[reader][worker][index]") {
  IsolatedFixture data;
  const auto isolated = data.open();
  const auto here = open_row_reader(data.path, "/t");
  CHECK(isolated->info() == here->info());
  CHECK(isolated->identity() == here->identity());
  CHECK(all_rows(*isolated) == all_rows(*here));
  CHECK(all_rows(*isolated->clone()) == all_rows(*here));
}

TEST_CASE("what only libhdf5 can read is refused with the reason, and described",
          "[reader][worker][index]") {
  IsolatedFixture data;
  {
    H5::H5File file(data.path, H5F_ACC_RDWR);
    H5::DSetCreatPropList compact;
    compact.setLayout(H5D_COMPACT);
    hdf5::write_ints(file, "c", {4}, hdf5::counting(4), compact);
  }
  const Error error = hdf5::error_of([&] { open_isolated(data.path, "c", data.opening); });
  CHECK(error.code() == ErrorCode::kUnsupported);
  CHECK(hdf5::says(error, "without libhdf5: its layout is compact"));
  const auto isolated = index_isolated(data.path, "c", {}, data.opening, 8s);
  CHECK_FALSE(isolated.index);
  CHECK(isolated.info.row_count() == 4);
  CHECK(Streamer(data.path, data.opening)
            .queue("c", {.kind = WorkerKind::kThreads})
            .dataset()
            .hdf5_reason == "its layout is compact");
}

TEST_CASE("errors of opening come from the other process as they are", "[reader][worker][index]") {
  IsolatedFixture data;
  CHECK_THROWS_WITH(open_isolated(data.path, "/nothing", data.opening), contains("/nothing"));
  CHECK_THROWS_WITH(open_isolated(data.folder.file("no.h5"), "/t", data.opening),
                    contains("No such file"));
  std::ofstream(data.folder.file("text.h5")) << "no HDF5 file";
  CHECK_THROWS_AS(open_isolated(data.folder.file("text.h5"), "/t", data.opening), Error);
}

TEST_CASE("a file that crashes or hangs whoever opens it is an error", "[reader][worker][kill]") {
  IsolatedFixture data;
  const bool stream = GENERATE(false, true);
  const auto open = [&](std::chrono::milliseconds timeout) {
    return hdf5::error_of([&] { stream ? void(data.threads(timeout)) : void(data.open(timeout)); });
  };
  SECTION("crash") {
    const Accident accident("worker.opening 0 crash");
    const Error error = open(8s);
    CHECK(error.code() == ErrorCode::kWorkerFailed);
    CHECK(hdf5::says(error, "Segmentation fault"));
    CHECK(hdf5::says(error, "open '/t' of " + data.path));
  }
  SECTION("hang") {
    const Accident accident("worker.opening 0 hang");
    CHECK(open(300ms).code() == ErrorCode::kTimeout);
  }
  SECTION("stop") {
    const Accident accident("worker.opening 0 stop");
    CHECK(open(300ms).code() == ErrorCode::kTimeout);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need all of it
  SECTION("bloat") {
    data.opening.worker_memory_bytes = std::uint64_t{200} << 20;
    const Accident accident("worker.opening 0 bloat");
    CHECK(open(8s).code() == ErrorCode::kOutOfMemory);
  }
  SECTION("bloat, without a limit of the caller's") {
    const Accident accident("worker.opening 0 bloat");
    CHECK(open(8s).code() == ErrorCode::kOutOfMemory);
  }
#endif
}

TEST_CASE("a trusted file is opened by threads without another process", "[reader][worker]") {
  IsolatedFixture data;
  data.opening.trusted = true;
  data.opening.worker_path = "/nowhere/h5flume-worker";
  auto queue = data.threads();
  CHECK(drain(queue).complete());
  data.opening.trusted = false;
  CHECK_THROWS_WITH(data.threads(), contains("/nowhere/h5flume-worker"));
}

TEST_CASE("a file replaced between opening and reading is an error", "[reader][worker][index]") {
  IsolatedFixture data;
  auto isolated = index_isolated(data.path, "/t", {}, data.opening, 8s);
  REQUIRE(isolated.index);
  write_table(data.path, "/other", {.rows = 3, .columns = 2});
  CHECK(hdf5::error_of([&] { open_by_index(*std::move(isolated.index)); }).code() ==
        ErrorCode::kSourceChanged);
}
