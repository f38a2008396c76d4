#pragma once

#include <atomic>
#include <optional>
#include <string_view>
#include <vector>

#include "core/test_point.h"
#include "tests/readers/random/random_fixture.h"

// What tests of requests have in common.
namespace h5flume::test {

inline std::int32_t as_row(std::uint64_t number) { return static_cast<std::int32_t>(number); }

inline ErrorCode code_of(Future& future) {
  try {
    future.get();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return {};
}

inline std::optional<std::vector<std::int32_t>> values_unless_cancelled(Future& future) {
  try {
    return values_of(future.get());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled) throw;
    return std::nullopt;
  }
}

// Holds up whoever decodes a chunk, until it is let go.
class HeldDecoding {
 public:
  HeldDecoding() {
    held_.store(true);
    met_.store(0);
    test_point_hook = wait;
  }
  HeldDecoding(const HeldDecoding&) = delete;
  HeldDecoding& operator=(const HeldDecoding&) = delete;
  ~HeldDecoding() {
    let_go();
    test_point_hook = nullptr;
  }

  void wait_until_met() { met_.wait(0); }
  void let_go() {
    held_.store(false);
    held_.notify_all();
  }

 private:
  static void wait(const char* name, std::uint64_t) {
    if (std::string_view(name) != "chunk.decoding") return;
    ++met_;
    met_.notify_all();
    held_.wait(true);
  }
  static inline std::atomic<bool> held_{false};
  static inline std::atomic<int> met_{0};
};

struct RequestFixture {
  TemporaryFolder folder;
  Reader reader;
  Dataset dataset;

  explicit RequestFixture(Storage storage, const ReaderOptions& options = {})
      : reader(reader_of(counting_file(folder, storage), storage, options)),
        dataset(reader.dataset("/x")) {}
};

}  // namespace h5flume::test
