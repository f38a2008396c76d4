#include "readers/jobs/chunk_job.h"

#include <signal.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "core/error.h"
#include "core/test_point.h"
#include "tests/readers/jobs/job_fixture.h"
#include "tests/support/child_role.h"
#include "tests/support/sample_data.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace std::chrono_literals;

namespace {

// A job that stops itself for good in its fifth piece, as if it hung; arguments: file, tracker.
int hang_in_a_job(const std::vector<std::string>& arguments) {
  Reader reader = trusting_reader(arguments.at(0));
  ProgressTracker tracker(arguments.at(1));
  std::atomic<int> calls{0};
  ChunkJob(reader.dataset("/x"), tracker, pieces_of_8(1))
      .run([&](const JobPiece& piece, const Array& rows) {
        if (++calls == 5) ::raise(SIGSTOP);
        return summed(piece, rows);
      });
  return 0;
}

const ChildRole kHang("hang-in-a-job", hang_in_a_job);

}  // namespace

TEST_CASE("a job calls its function once for each piece, and keeps the results",
          "[readers][jobs]") {
  const JobFolder folder(GENERATE(Storage::kContiguous, Storage::kGzip, Storage::kByLibrary));
  const unsigned threads = GENERATE(1u, 4u);
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  ChunkJob job(reader.dataset("/x"), tracker, pieces_of_8(threads));
  CHECK(job.piece_count() == 13);

  Calls calls;
  const auto numbers = job.run([&](const JobPiece& piece, const Array& rows) {
    calls.note(piece);
    return summed(piece, rows);
  });

  CHECK(calls.counts() == each_piece(1));
  CHECK(all_summed(tracker));
  CHECK(numbers.pieces == 13);
  CHECK(numbers.done == 13);
  CHECK(numbers.done_before == 0);
  CHECK(numbers.pieces_here == 13);
  CHECK(numbers.rows == 100);
  CHECK(numbers.bytes == 100 * 40 * 4);
  const auto task = tracker.find(Key::tuple("/x", 96));
  REQUIRE(task);
  CHECK(task->value == Json{{"first", 96}, {"rows", 4}});
}

TEST_CASE("a job that was stopped goes on with another number of threads", "[readers][jobs]") {
  const JobFolder folder;
  Calls calls;
  for (const unsigned threads : {1u, 3u}) {
    Reader reader = trusting_reader(folder.file());
    ProgressTracker tracker(folder.tracker());
    auto options = pieces_of_8(threads);
    if (threads == 3) options.piece_rows.reset();  // kept with the job
    ChunkJob job(reader.dataset("/x"), tracker, options);
    CHECK(job.piece_rows() == 8);
    const auto numbers = job.run([&](const JobPiece& piece, const Array& rows) {
      calls.note(piece);
      if (threads == 1 && piece.number == 4) job.stop();
      return summed(piece, rows);
    });
    CHECK(numbers.done_before == (threads == 1 ? 0 : 5));
    CHECK(numbers.done == (threads == 1 ? 5 : 13));
  }
  CHECK(calls.counts() == each_piece(1));
  CHECK(all_summed(ProgressTracker(folder.tracker())));
}

TEST_CASE("a function that throws after stop() has not been tried", "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  ChunkJob job(reader.dataset("/x"), tracker, pieces_of_8(1));
  const auto numbers = job.run([&](const JobPiece&, const Array&) -> JobResult {
    job.stop();
    throw std::runtime_error("killed");
  });
  CHECK(numbers.failed_tries == 0);
  CHECK(tracker.tries(Key::tuple("/x", 0)) == 0);
  CHECK(tracker.status().todo == 13);
}

TEST_CASE("a function that throws is tried again, as often as the tracker allows",
          "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker(), {.max_tries = 3});
  Calls calls;
  const auto fails_in = [&](std::uint64_t piece_number, std::uint64_t tries) {
    return ChunkJob(reader.dataset("/x"), tracker, pieces_of_8())
        .run([&, tries](const JobPiece& piece, const Array& rows) {
          calls.note(piece);
          if (piece.number == piece_number && piece.tries <= tries) {
            throw std::runtime_error("bad \xff piece");
          }
          return summed(piece, rows);
        });
  };
  SECTION("and may succeed") {
    const auto numbers = fails_in(2, 2);
    CHECK(numbers.failed_tries == 2);
    CHECK(numbers.done == 13);
    CHECK(calls.counts().at(16) == 3);
    CHECK(all_summed(tracker));
  }
  SECTION("or not") {
    const auto numbers = fails_in(2, 9);
    CHECK(numbers.exhausted == 1);
    CHECK(numbers.done == 12);
    CHECK(calls.counts().at(16) == 3);
    CHECK(tracker.find(Key::tuple("/x", 16))->error == "bad \xef\xbf\xbd piece");
    CHECK(tracker.retry_exhausted() == 1);
    fails_in(2, 0);
    CHECK(all_summed(tracker));
  }
}

TEST_CASE("a chunk that cannot be read fails its own piece", "[readers][jobs]") {
  TemporaryFolder folder;
  write_corrupt_table(folder.file("a.h5"), "/t", {.rows = 100, .chunk_rows = 10, .gzip = true}, 3);
  Reader reader(folder.file("a.h5"), {}, {.trusted = true});
  ProgressTracker tracker(folder.file("tracker"), {.max_tries = 2});
  const auto numbers = ChunkJob(reader.dataset("/t"), tracker, {.piece_rows = 10})
                           .run([](const JobPiece&, const Array&) { return Json(1); });
  CHECK(numbers.done == 9);
  CHECK(numbers.failed_tries == 2);
  CHECK_THAT(tracker.find(Key::tuple("/t", 30))->error, contains("chunk (3"));
}

TEST_CASE("several processes work on one job", "[readers][jobs]") {
  const JobFolder folder;
  Calls calls;
  std::atomic<int> working{0};
  const auto work = [&] {
    Reader reader = trusting_reader(folder.file());
    ProgressTracker tracker(folder.tracker());  // shares nothing with the others but the files
    ChunkJob(reader.dataset("/x"), tracker, pieces_of_8(1))
        .run([&](const JobPiece& piece, const Array& rows) {
          calls.note(piece);
          if (++working <= 3) {
            while (working < 3) std::this_thread::yield();  // until all three have begun
          }
          return summed(piece, rows);
        });
  };
  { const std::jthread first(work), second(work), third(work); }
  CHECK(calls.counts() == each_piece(1));
  CHECK(all_summed(ProgressTracker(folder.tracker())));
}

TEST_CASE("a job that another joins while it begins goes on", "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  const auto begin = [&] {
    ProgressTracker tracker(folder.tracker());
    const ChunkJob job(reader.dataset("/x"), tracker, pieces_of_8(1));
  };
  static std::function<void()> join;
  join = [&] {
    test_point_hook = nullptr;
    begin();  // finds the record of the other, and adds the pieces before it does
  };
  test_point_hook = [](const char* name, std::uint64_t) {
    if (std::string_view(name) == "job.recorded") join();
  };
  CHECK_NOTHROW(begin());
  CHECK(test_point_hook == nullptr);  // it was met
  test_point_hook = nullptr;
  CHECK(ProgressTracker(folder.tracker()).size() == 14);  // with the record
}

TEST_CASE("a process that is killed costs one try of the pieces it worked on",
          "[readers][jobs][kill]") {
  const JobFolder folder;
  auto child = start_child("hang-in-a-job", {folder.file(), folder.tracker()});
  REQUIRE(wait_until_parked(child.pid()));
  child.kill();
  child.wait();

  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  std::atomic<int> other_tries{0};
  const auto numbers = ChunkJob(reader.dataset("/x"), tracker, pieces_of_8(3))
                           .run([&](const JobPiece& piece, const Array& rows) {
                             if (piece.tries != (piece.number == 4 ? 2 : 1)) ++other_tries;
                             return summed(piece, rows);
                           });
  CHECK(other_tries == 0);
  CHECK(numbers.done_before == 4);
  CHECK(numbers.pieces_here == 9);
  CHECK(all_summed(tracker));
}

TEST_CASE("a piece that takes longer than its lease is not given away", "[readers][jobs]") {
  const JobFolder folder;
  Calls calls;
  const auto work = [&](std::chrono::milliseconds takes) {
    Reader reader = trusting_reader(folder.file());
    ProgressTracker tracker(folder.tracker());
    auto options = pieces_of_8(1);
    options.lease = 500ms;
    return ChunkJob(reader.dataset("/x"), tracker, options)
        .run([&](const JobPiece& piece, const Array& rows) {
          calls.note(piece);
          if (piece.number == 0) std::this_thread::sleep_for(takes);
          return summed(piece, rows);
        });
  };
  JobStatistics numbers;
  {
    std::jthread slow([&] { numbers = work(1200ms); });
    while (calls.counts().count(0) == 0) std::this_thread::yield();
    work(0ms);  // waits for piece 0, which could be taken after 500 ms
  }
  CHECK(numbers.lost_claims == 0);
  CHECK(calls.counts() == each_piece(1));
}

TEST_CASE("a job reports how far it is, from what was done before on", "[readers][jobs]") {
  const JobFolder folder;
  Reader reader = trusting_reader(folder.file());
  ProgressTracker tracker(folder.tracker());
  auto options = pieces_of_8(1);
  std::vector<std::uint64_t> done;
  options.on_progress = [&](const JobStatistics& numbers) { done.push_back(numbers.done); };
  ChunkJob job(reader.dataset("/x"), tracker, options);
  job.run(summed);
  REQUIRE(done.size() >= 2);
  CHECK(done.front() == 0);
  CHECK(done.back() == 13);
  done.clear();
  ChunkJob(reader.dataset("/x"), tracker, options).run(summed);
  CHECK(done == std::vector<std::uint64_t>{13, 13});
}

TEST_CASE("pieces are whole chunks of about 8 MiB if nobody says otherwise", "[readers][jobs]") {
  TemporaryFolder folder;
  // Rows of 4 KiB: 2048 of them make 8 MiB.
  const auto [chunk_rows, expected_rows] = GENERATE(
      table<std::uint64_t, std::uint64_t>({{0, 2048}, {1000, 2000}, {2048, 2048}, {2500, 2500}}));
  write_table(folder.file("a.h5"), "/t",
              {.rows = 5000, .columns = 1024, .chunk_rows = chunk_rows, .gzip = chunk_rows > 0});
  Reader reader(folder.file("a.h5"), {}, {.trusted = true});
  ProgressTracker tracker(folder.file("tracker"));
  CHECK(ChunkJob(reader.dataset("/t"), tracker).piece_rows() == expected_rows);
}

TEST_CASE("a job of no rows is done at once", "[readers][jobs]") {
  TemporaryFolder folder;
  const auto path = counting_file(folder, {0, 3}, {});
  Reader reader(path, {}, {.trusted = true});
  ProgressTracker tracker(folder.file("tracker"));
  const auto numbers = ChunkJob(reader.dataset("/x"), tracker).run(summed);
  CHECK(numbers.pieces == 0);
  CHECK(numbers.done == 0);
}
