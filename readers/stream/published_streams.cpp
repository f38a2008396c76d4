#include "readers/stream/published_streams.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "readers/stream/stream_record_internal.h"

namespace h5flume {
namespace {

// The process id in the name of a dict of statistics; nothing in that of any other dict.
std::optional<std::int64_t> publisher_of(std::string_view dict) {
  constexpr std::string_view kPrefix(kStatisticsPrefix);
  if (!dict.starts_with(kPrefix)) return std::nullopt;
  dict.remove_prefix(kPrefix.size());
  std::int64_t pid = 0;
  const auto [end, failure] = std::from_chars(dict.data(), dict.data() + dict.size(), pid);
  if (failure != std::errc() || end == dict.data() + dict.size() || *end != '.') {
    return std::nullopt;
  }
  return pid;
}

// Whoever looks is attached too, so that this does not follow from there being anyone.
bool is_attached(std::int64_t pid, const SharedDictInfo& info) {
  return std::any_of(info.attached.begin(), info.attached.end(),
                     [pid](const SharedAttachment& one) { return one.pid == pid; });
}

void read_program(const Json& dict, PublishedProgram& program) {
  if (dict.at("format").get<std::int64_t>() != kStatisticsFormat) {
    program.name = "written by another version of h5flume";
    return;
  }
  program.name = dict.at("program").get<std::string>();
  program.updated = from_unix_seconds(dict.at("updated").get<double>());
  for (const auto& [id, stream] : dict.at("streams").items()) {
    program.streams.push_back(read_stream(stream));
    program.streams.back().id = std::stoll(id);
  }
  program.readable = true;
}

}  // namespace

std::vector<PublishedProgram> published_programs(const std::string& folder) {
  std::vector<PublishedProgram> programs;
  for (const auto& info : list_shared_dicts(folder)) {
    const auto pid = publisher_of(info.name);
    // Unlinked: its program has just ended its last stream, and only who looks is still there.
    // Orphaned: it is being made, or what is left of one.
    using State = SharedDictInfo::State;
    if (!pid || info.state == State::kUnlinked || info.state == State::kOrphaned) continue;
    PublishedProgram program{.dict = info.name, .pid = *pid, .name = info.problem};
    program.alive = is_attached(*pid, info);
    try {
      if (program.alive) {
        read_program(SharedDict::attach(info.name, {.folder = folder}).to_json(), program);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kNotFound) continue;  // it has ended meanwhile
      program.name = error.what();
    } catch (const std::exception& error) {  // nlohmann's, for what is not as it should be
      program.name = error.what();
      program.streams.clear();
    }
    programs.push_back(std::move(program));
  }
  return programs;
}

}  // namespace h5flume
