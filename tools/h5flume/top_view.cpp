#include "tools/h5flume/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "storage/shared/shared_dict_options.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Clock = std::chrono::system_clock;
using Object = nlohmann::ordered_json;

// A program tells its figures four times a second.
constexpr std::chrono::seconds kLongSilence{3};

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

double unix_seconds_of(Clock::time_point moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count();
}

std::string percent(double share) { return fmt::format("{:.0f}%", 100 * share); }

std::string rate_text(double rate) { return fmt::format("{:.{}f}", rate, rate < 9.95 ? 1 : 0); }

std::string done_text(const PublishedStream& stream) {
  if (stream.finished) return "done";
  const std::string share = percent(stream.pass_done);
  return stream.cyclic ? fmt::format("{}: {}", stream.pass + 1, share) : share;
}

std::string pids_text(const std::vector<const PublishedProgram*>& programs) {
  std::string text;
  for (const auto* program : programs) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", program->pid);
  }
  return text;
}

}  // namespace

void TopView::look(std::vector<PublishedProgram> programs) {
  std::map<StreamKey, Seen> now;
  for (const auto& program : programs) {
    for (const auto& stream : program.streams) {
      now.emplace(StreamKey(program.dict, stream.id), see(program, stream));
    }
  }
  seen_ = std::move(now);
  programs_ = std::move(programs);
}

TopView::Seen TopView::see(const PublishedProgram& program, const PublishedStream& stream) const {
  Seen seen{.stream = stream, .updated = program.updated, .rates = {}};
  const auto before = seen_.find({program.dict, stream.id});
  if (before == seen_.end()) {
    seen.rates = rates_between({}, stream, seconds_between(stream.since, program.updated));
  } else if (program.updated > before->second.updated) {
    seen.rates = rates_between(before->second.stream, stream,
                               seconds_between(before->second.updated, program.updated));
  } else {
    seen.rates = before->second.rates;  // nothing new has been told
  }
  return seen;
}

TopView::Rates TopView::rates_between(const PublishedStream& before, const PublishedStream& now,
                                      double seconds) {
  Rates rates{.seconds = seconds, .busy = {}};
  if (seconds <= 0) return rates;
  const auto rate = [seconds](auto from, auto to) {
    return to > from ? static_cast<double>(to - from) / seconds : 0;
  };
  rates.bytes_per_s = rate(before.statistics.bytes, now.statistics.bytes);
  rates.rows_per_s = rate(before.statistics.rows, now.statistics.rows);
  rates.wait_share = rate(before.statistics.wait_seconds, now.statistics.wait_seconds);
  for (const auto& worker : now.workers) {
    const auto same =
        std::find_if(before.workers.begin(), before.workers.end(),
                     [&](const PublishedWorker& other) { return other.number == worker.number; });
    const double from = same == before.workers.end() ? 0 : same->read_seconds;
    rates.busy[worker.number] = rate(from, worker.read_seconds);
  }
  return rates;
}

std::vector<std::string> TopView::row(const PublishedProgram& program, const Seen& seen) {
  const auto& [stream, updated, rates] = seen;
  const auto slots =
      stream.free_slots + stream.filling_slots + stream.readable_slots + stream.held_slots;
  return {fmt::format("{}", program.pid),
          rate_text(rates.bytes_per_s / 1e6),
          rate_text(rates.rows_per_s),
          done_text(stream),
          percent(rates.wait_share),
          fmt::format("{}/{}", stream.readable_slots, slots),
          fmt::format("{}", stream.workers.size()),
          fmt::format("{}", stream.statistics.worker_restarts),
          ""};
}

std::string TopView::name_of(const Seen& seen) {
  std::string name;
  const auto silence = Clock::now() - seen.updated;
  if (silence > kLongSilence) {
    name += fmt::format("(silent for {}) ",
                        format_duration(std::chrono::duration<double>(silence).count()));
  }
  if (seen.stream.statistics.skipped_blocks > 0) {
    name += fmt::format("({} blocks skipped) ", seen.stream.statistics.skipped_blocks);
  }
  return name + printable(seen.stream.file) + ":" + printable(seen.stream.dataset);
}

std::string TopView::worker_line(const PublishedWorker& worker, const Rates& rates) {
  const auto busy = rates.busy.find(worker.number);
  return fmt::format("  worker {}{}: {} blocks, {} busy{}\n", worker.number,
                     worker.pid == 0 ? "" : fmt::format(", pid {}", worker.pid), worker.blocks,
                     percent(busy == rates.busy.end() ? 0 : busy->second),
                     worker.is_reading ? ", reading" : "");
}

std::string TopView::lines(std::size_t most_lines, std::size_t columns) const {
  std::vector<std::vector<std::string>> rows{
      {"PID", "MB/S", "ROWS/S", "DONE", "WAITS", "READY", "WORK", "DIED", ""}};
  std::vector<std::string> names{"STREAM"};
  std::vector<std::string> workers{""};  // below each row
  std::size_t worker_lines = 0;
  for (const auto& program : programs_) {
    for (const auto& stream : program.streams) {
      const Seen& seen = seen_.at({program.dict, stream.id});
      rows.push_back(row(program, seen));
      names.push_back(name_of(seen));
      std::string& below = workers.emplace_back();
      for (const auto& worker : stream.workers) below += worker_line(worker, seen.rates);
      worker_lines += stream.workers.size();
    }
  }
  const std::string note = notes();
  if (rows.size() == 1) return note;
  const auto note_lines = static_cast<std::size_t>(std::count(note.begin(), note.end(), '\n'));
  const bool has_room = rows.size() + worker_lines + note_lines <= most_lines;
  std::istringstream table(format_table(rows));
  std::string text;
  std::string line;
  for (std::size_t index = 0; std::getline(table, line); ++index) {
    const std::size_t room = columns - std::min(columns, line.size());
    text += line + shortened_to_end(names[index], std::max<std::size_t>(room, 3)) + '\n';
    if (has_room) text += workers[index];
  }
  return text + note;
}

std::string TopView::notes() const {
  std::string text;
  std::vector<const PublishedProgram*> dead;
  bool is_nothing = true;
  for (const auto& program : programs_) {
    if (!program.alive) {
      dead.push_back(&program);
    } else if (!program.readable) {
      text += fmt::format("program {}: {}\n", program.pid, printable(program.name));
    } else {
      is_nothing = is_nothing && program.streams.empty();
    }
  }
  if (is_nothing) {
    text += fmt::format(
        "No stream publishes statistics in {}. To have it done: H5FLUME_STATISTICS=1 in a\n"
        "program's environment, StreamOptions::publish_statistics, or h5flume stream "
        "--statistics.\n",
        printable(folder_));
  }
  if (!dead.empty()) {
    const bool is_usual = folder_ == SharedDictOptions{}.folder;
    text += fmt::format(
        "Left by programs that were killed: pid {}. To remove it: h5flume shared clean{}\n",
        pids_text(dead), is_usual ? "" : " --folder " + printable(folder_));
  }
  return text;
}

Object TopView::to_json() const {
  Object programs = Object::array();
  for (const auto& program : programs_) {
    Object streams = Object::array();
    for (const auto& stream : program.streams) {
      const Rates& rates = seen_.at({program.dict, stream.id}).rates;
      const StreamStatistics& statistics = stream.statistics;
      Object workers = Object::array();
      for (const auto& worker : stream.workers) {
        const auto busy = rates.busy.find(worker.number);
        workers.push_back({{"number", worker.number},
                           {"pid", worker.pid == 0 ? Object() : Object(worker.pid)},
                           {"blocks", worker.blocks},
                           {"read_seconds", worker.read_seconds},
                           {"busy", busy == rates.busy.end() ? 0 : busy->second},
                           {"is_reading", worker.is_reading}});
      }
      streams.push_back({{"id", stream.id},
                         {"file", stream.file},
                         {"dataset", stream.dataset},
                         {"since", unix_seconds_of(stream.since)},
                         {"ordered", stream.ordered},
                         {"cyclic", stream.cyclic},
                         {"finished", stream.finished},
                         {"pass_rows", stream.pass_rows},
                         {"pass_blocks", stream.pass_blocks},
                         {"pass", stream.pass},
                         {"pass_done", stream.pass_done},
                         {"rows", statistics.rows},
                         {"blocks", statistics.blocks},
                         {"bytes", statistics.bytes},
                         {"wait_seconds", statistics.wait_seconds},
                         {"read_seconds", statistics.read_seconds},
                         {"worker_restarts", statistics.worker_restarts},
                         {"skipped_blocks", statistics.skipped_blocks},
                         {"free_slots", stream.free_slots},
                         {"filling_slots", stream.filling_slots},
                         {"readable_slots", stream.readable_slots},
                         {"held_slots", stream.held_slots},
                         {"interval_seconds", rates.seconds},
                         {"mb_per_s", rates.bytes_per_s / 1e6},
                         {"rows_per_s", rates.rows_per_s},
                         {"wait_share", rates.wait_share},
                         {"workers", workers}});
    }
    programs.push_back({{"pid", program.pid},
                        {"alive", program.alive},
                        {"program", program.name},
                        {"dict", program.dict},
                        {"updated", unix_seconds_of(program.updated)},
                        {"streams", streams}});
  }
  return {{"folder", folder_}, {"programs", programs}};
}

}  // namespace h5flume::cli
