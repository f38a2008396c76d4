#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "readers/stream/published_streams.h"

namespace h5flume::cli {

/// What the streams of a machine do, from one look at their statistics to the next: rates, and how
/// they are shown.
class TopView {
 public:
  explicit TopView(std::string folder) : folder_(std::move(folder)) {}

  /// Takes in what published_programs() gives. Rates are those since the look before, or since the
  /// stream began if there was none.
  void look(std::vector<PublishedProgram> programs);

  /// A table with a line for each stream, and one for each worker below its stream if no more than
  /// `most_lines` come of it; then what is to be said about the dead, or where there is nothing.
  /// Names of streams are cut so that they end in column `columns`.
  std::string lines(std::size_t most_lines = ~std::size_t{0},
                    std::size_t columns = ~std::size_t{0}) const;

  nlohmann::ordered_json to_json() const;

 private:
  struct Rates {
    double seconds = 0;  // that they are of
    double bytes_per_s = 0;
    double rows_per_s = 0;
    double wait_share = 0;            // of the time, summed over those who wait
    std::map<unsigned, double> busy;  // of the time, by worker
  };
  struct Seen {
    PublishedStream stream;
    std::chrono::system_clock::time_point updated;
    Rates rates;
  };
  using StreamKey = std::pair<std::string, std::int64_t>;  // dict, id

  static Rates rates_between(const PublishedStream& before, const PublishedStream& now,
                             double seconds);
  Seen see(const PublishedProgram& program, const PublishedStream& stream) const;
  static std::vector<std::string> row(const PublishedProgram& program, const Seen& seen);
  static std::string name_of(const Seen& seen);
  static std::string worker_line(const PublishedWorker& worker, const Rates& rates);
  std::string notes() const;

  std::string folder_;
  std::vector<PublishedProgram> programs_;
  std::map<StreamKey, Seen> seen_;
};

}  // namespace h5flume::cli
