#include "tools/h5flume/shared_list.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Object = nlohmann::ordered_json;

Object to_objects(const std::vector<SharedAttachment>& attached) {
  Object all = Object::array();
  for (const auto& one : attached) {
    all.push_back({{"pid", one.pid},
                   {"since", unix_seconds(one.since)},
                   {"is_creator", one.is_creator},
                   {"holds_lock", one.holds_lock}});
  }
  return all;
}

// "17 24 24", the first few of them.
std::string pids_of(const std::vector<SharedAttachment>& attached) {
  constexpr std::size_t kMost = 6;
  std::string text;
  for (std::size_t i = 0; i < attached.size() && i < kMost; ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : " ", attached[i].pid);
  }
  if (attached.size() > kMost) text += fmt::format(" and {} more", attached.size() - kMost);
  return text.empty() ? "-" : text;
}

Object to_object(const SharedDictInfo& info) {
  Object object{{"name", info.name},
                {"state", to_string(info.state)},
                {"bytes", info.segment_bytes},
                {"attached", to_objects(info.attached)},
                {"files", info.files}};
  if (info.created.time_since_epoch().count() != 0) object["created"] = unix_seconds(info.created);
  if (!info.problem.empty()) object["problem"] = info.problem;
  return object;
}

Object to_object(const SharedDictStatus& status) {
  return {{"name", status.name},
          {"folder", status.folder},
          {"serializer", status.serializer},
          {"recurse", status.recurse},
          {"auto_unlink", status.auto_unlink},
          {"unlinked", status.unlinked},
          {"created", unix_seconds(status.created)},
          {"version", status.version},
          {"generation", status.generation},
          {"recoveries", status.recoveries},
          {"steals", status.steals},
          {"entries", status.entries},
          {"nested_dicts", status.nested_dicts},
          {"live_bytes", status.live_bytes},
          {"snapshot_bytes", status.snapshot_bytes},
          {"stream_bytes", status.stream_bytes},
          {"stream_capacity", status.stream_capacity},
          {"segment_bytes", status.segment_bytes},
          {"most_bytes", status.most_bytes},
          {"attached", to_objects(status.attached)},
          {"lock_holder", status.lock_holder ? Object(*status.lock_holder) : Object()}};
}

std::string size_text(std::size_t bytes) { return format_bytes(static_cast<double>(bytes)); }

void print_for_people(const SharedDictStatus& status) {
  fmt::print("{}: {} entries, {} of them nested dicts, {}, by {}\n", status.name, status.entries,
             status.nested_dicts, size_text(status.live_bytes), printable(status.serializer));
  fmt::print("  made {} ago{}{}\n", format_duration(seconds_since(status.created)),
             status.auto_unlink ? ", goes with its creator" : ", stays",
             status.unlinked ? ", unlinked" : "");
  fmt::print("  {} commits, {} dumps, {} of {} used until the next\n", status.version,
             status.generation - 1, size_text(status.stream_bytes),
             size_text(status.stream_capacity));
  fmt::print("  {} of shared memory, at most {}\n", size_text(status.segment_bytes),
             size_text(status.most_bytes));
  fmt::print("  lock: {}; holders found dead {}, stolen from {}\n",
             status.lock_holder ? fmt::format("held by {}", *status.lock_holder) : "free",
             status.recoveries, status.steals);
  fmt::print("  attached, this program included: {}\n", pids_of(status.attached));
}

}  // namespace

void list_shared(const SharedArguments& arguments, Context& context) {
  const auto dicts = list_shared_dicts(arguments.folder);
  if (context.json) {
    Object all = Object::array();
    for (const auto& info : dicts) all.push_back(to_object(info));
    return print_json({{"folder", arguments.folder}, {"dicts", all}});
  }
  if (dicts.empty()) {
    fmt::print(stderr, "h5flume: no shared dicts in {}\n", printable(arguments.folder));
    return;
  }
  std::vector<std::vector<std::string>> rows{{"NAME", "STATE", "SIZE", "AGE", "ATTACHED"}};
  for (const auto& info : dicts) {
    const bool is_known = info.created.time_since_epoch().count() != 0;
    rows.push_back({info.name, to_string(info.state), size_text(info.segment_bytes),
                    is_known ? format_duration(seconds_since(info.created)) : "-",
                    pids_of(info.attached)});
  }
  fmt::print("{}", format_table(rows));
  for (const auto& info : dicts) {
    if (info.problem.empty()) continue;
    fmt::print(stderr, "h5flume: {}: {}\n", info.name, printable(info.problem));
  }
}

void show_shared_status(const SharedArguments& arguments, Context& context) {
  const auto status = arguments.attach().status();
  if (context.json) return print_json(to_object(status));
  print_for_people(status);
}

void clean_shared(const SharedArguments& arguments, Context& context) {
  const auto removed = clean_shared_dicts(arguments.folder, arguments.damaged_too);
  if (context.json) return print_json({{"folder", arguments.folder}, {"removed", removed}});
  for (const auto& file : removed) {
    fmt::print("removed {}/{}\n", printable(arguments.folder), file);
  }
  if (removed.empty()) fmt::print("nothing to remove in {}\n", printable(arguments.folder));
}

void unlink_shared(const SharedArguments& arguments, Context& context) {
  if (!unlink_shared_dict(arguments.dict, arguments.folder)) {
    throw Error(ErrorCode::kNotFound, fmt::format("unlink shared dict '{}': there is none in {}",
                                                  arguments.dict, arguments.folder));
  }
  if (context.json) print_json({{"dict", arguments.dict}, {"unlinked", true}});
}

}  // namespace h5flume::cli
