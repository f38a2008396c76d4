#include <algorithm>
#include <type_traits>

#include "readers/jobs/utf8_text.h"
#include "readers/stream/stream_record_internal.h"

namespace h5flume {
namespace {

// The plain members of a stream and of a worker, by the names they have in the dict.
template <class Statistics, class Visit>
void for_each_figure(Statistics& statistics, const Visit& visit) {
  visit("blocks", statistics.blocks);
  visit("rows", statistics.rows);
  visit("bytes", statistics.bytes);
  visit("wait_seconds", statistics.wait_seconds);
  visit("read_seconds", statistics.read_seconds);
  visit("worker_restarts", statistics.worker_restarts);
  visit("skipped_blocks", statistics.skipped_blocks);
}

template <class Stream, class Visit>
void for_each_member(Stream& stream, const Visit& visit) {
  visit("file", stream.file);
  visit("dataset", stream.dataset);
  visit("ordered", stream.ordered);
  visit("cyclic", stream.cyclic);
  visit("finished", stream.finished);
  visit("pass_rows", stream.pass_rows);
  visit("pass_blocks", stream.pass_blocks);
  visit("pass", stream.pass);
  visit("pass_done", stream.pass_done);
  for_each_figure(stream.statistics, visit);
  visit("free_slots", stream.free_slots);
  visit("filling_slots", stream.filling_slots);
  visit("readable_slots", stream.readable_slots);
  visit("held_slots", stream.held_slots);
}

template <class Worker, class Visit>
void for_each_worker_member(Worker& worker, const Visit& visit) {
  visit("pid", worker.pid);
  visit("blocks", worker.blocks);
  visit("read_seconds", worker.read_seconds);
  visit("is_reading", worker.is_reading);
}

}  // namespace

void write_stream(SharedDict& dict, const PublishedStream& stream) {
  const auto write_into = [](SharedDict& into) {
    return [&into](const char* name, const auto& value) {
      if constexpr (std::is_same_v<decltype(value), const std::string&>) {
        into.set(name, utf8_text(value));  // a path may be any bytes
      } else {
        into.set(name, value);
      }
    };
  };
  dict.set("since", to_unix_seconds(stream.since));
  for_each_member(stream, write_into(dict));
  SharedDict workers = dict.make_nested("workers");
  for (const SharedKey& number : workers.keys()) {
    const bool is_alive = std::any_of(
        stream.workers.begin(), stream.workers.end(),
        [&](const PublishedWorker& worker) { return number.number() == worker.number; });
    if (!is_alive) workers.erase(number);
  }
  for (const PublishedWorker& worker : stream.workers) {
    SharedDict one = workers.make_nested(worker.number);
    for_each_worker_member(worker, write_into(one));
  }
}

PublishedStream read_stream(const Json& dict) {
  const auto read_from = [](const Json& from) {
    return [&from](const char* name, auto& value) { from.at(name).get_to(value); };
  };
  PublishedStream stream;
  stream.since = from_unix_seconds(dict.at("since").get<double>());
  for_each_member(stream, read_from(dict));
  for (const auto& [number, figures] : dict.at("workers").items()) {
    PublishedWorker worker;
    worker.number = static_cast<unsigned>(std::stoul(number));
    for_each_worker_member(worker, read_from(figures));
    stream.workers.push_back(worker);
  }
  std::sort(stream.workers.begin(), stream.workers.end(),
            [](const auto& one, const auto& other) { return one.number < other.number; });
  return stream;
}

double to_unix_seconds(std::chrono::system_clock::time_point moment) {
  return std::chrono::duration<double>(moment.time_since_epoch()).count();
}

std::chrono::system_clock::time_point from_unix_seconds(double seconds) {
  constexpr double kLongAfter = 4e9;  // what is no time of ours would not fit, nor would NaN
  if (!(seconds > 0 && seconds < kLongAfter)) seconds = 0;
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::duration<double>(seconds)));
}

}  // namespace h5flume
