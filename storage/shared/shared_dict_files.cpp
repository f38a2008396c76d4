// What lies in a folder of shared dicts: listing, cleaning, taking names away.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "storage/shared/creation_mark_internal.h"
#include "storage/shared/dict_core_internal.h"
#include "storage/shared/shared_dict_status.h"

namespace h5flume {
namespace {

using shared::ControlFile;
using shared::SegmentFolder;
using shared::SegmentName;

// For looking only: who may open a segment has been decided by its owner.
constexpr unsigned kAnyPermissions = 0777;

std::size_t bytes_of(const SegmentFolder& folder, const std::string& file) {
  try {
    const auto opened = folder.open(file, kAnyPermissions, "list shared dicts");
    return opened ? shared::size_of_file(opened.get(), "list shared dicts") : 0;
  } catch (const Error&) {
    return 0;  // its dict's state says what is wrong
  }
}

// Opens a control segment to look at it. Nothing if it is not there any more.
std::optional<ControlFile> look_at(const SegmentFolder& folder, const std::string& file) {
  const std::string operation = fmt::format("look at {}/{}", folder.path(), file);
  auto opened = folder.open(file, kAnyPermissions, operation);
  if (!opened) return std::nullopt;
  return ControlFile(std::move(opened), operation);
}

void describe(const ControlFile& control, bool has_name, SharedDictInfo& info) {
  const std::chrono::nanoseconds created(control.constants().created_ns);
  info.created = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(created));
  info.attached = shared::list_attached(control);
  const bool is_used = !info.attached.empty();
  using State = SharedDictInfo::State;
  if (!has_name || control.segment().unlinked.load(std::memory_order_relaxed) != 0) {
    info.state = is_used ? State::kUnlinked : State::kOrphaned;
  } else if (is_used) {
    info.state = State::kUsed;
  } else {
    const bool was_to_go = (control.constants().flags & shared::kFlagAutoUnlink) != 0;
    info.state = was_to_go ? State::kAbandoned : State::kIdle;
  }
}

// A generation without a control segment: left behind, unless its dict is being made.
bool is_being_made(const SegmentFolder& folder, const std::string& file) {
  const auto opened = folder.open(file, kAnyPermissions, "look at " + file);
  return opened && shared::CreationMark::is_on(opened.get());
}

// The dicts of a folder. Those that had their name taken away, and files without a dict, stand for
// themselves: several may have the same name.
std::vector<SharedDictInfo> find_dicts(const SegmentFolder& folder) {
  std::vector<SharedDictInfo> found;
  std::map<std::pair<std::string, std::uint64_t>, std::size_t> by_id;
  const auto files = folder.files();
  for (const auto& file : files) {
    const auto name = *SegmentName::parse(file);
    if (name.kind == SegmentName::Kind::kGeneration) continue;
    SharedDictInfo info{.name = name.dict, .files = {file}};
    try {
      const auto control = look_at(folder, file);
      if (!control) continue;
      describe(*control, name.kind == SegmentName::Kind::kControl, info);
      by_id.emplace(std::pair(name.dict, control->constants().id), found.size());
    } catch (const Error& error) {
      info.state = SharedDictInfo::State::kDamaged;
      info.problem = error.what();
    }
    info.segment_bytes = bytes_of(folder, file);
    found.push_back(std::move(info));
  }
  for (const auto& file : files) {
    const auto name = *SegmentName::parse(file);
    if (name.kind != SegmentName::Kind::kGeneration) continue;
    const auto [place, is_new] = by_id.emplace(std::pair(name.dict, name.id), found.size());
    if (is_new) {
      found.push_back({.name = name.dict, .state = SharedDictInfo::State::kOrphaned});
    }
    found[place->second].files.push_back(file);
    found[place->second].segment_bytes += bytes_of(folder, file);
  }
  return found;
}

// Removes the files of a dict that nobody uses; not if somebody has come to use it meanwhile.
void remove_unused(const SegmentFolder& folder, const SharedDictInfo& info,
                   std::vector<std::string>& removed) {
  const auto first = *SegmentName::parse(info.files.front());
  if (first.kind == SegmentName::Kind::kGeneration) {
    for (const auto& file : info.files) {
      if (is_being_made(folder, file)) continue;
      // After the look at the mark: a dict that has been made since has a control segment now.
      const auto now = find_dicts(folder);
      const bool is_orphan = std::any_of(now.begin(), now.end(), [&](const auto& dict) {
        return dict.state == SharedDictInfo::State::kOrphaned && dict.files.front() == file;
      });
      if (is_orphan && folder.remove(file)) removed.push_back(file);
    }
    return;
  }
  const auto control = look_at(folder, info.files.front());
  if (!control || !control->claimed_elsewhere().empty()) return;
  control->retire(folder, info.name);
  if (!control->claimed_elsewhere().empty()) return;
  control->remove_all(folder, info.name);
  removed.insert(removed.end(), info.files.begin(), info.files.end());
}

}  // namespace

std::string to_string(SharedDictInfo::State state) {
  switch (state) {
    case SharedDictInfo::State::kUsed:
      return "used";
    case SharedDictInfo::State::kIdle:
      return "idle";
    case SharedDictInfo::State::kAbandoned:
      return "abandoned";
    case SharedDictInfo::State::kUnlinked:
      return "unlinked";
    case SharedDictInfo::State::kOrphaned:
      return "orphaned";
    case SharedDictInfo::State::kDamaged:
      return "damaged";
  }
  return "unknown";
}

std::vector<SharedDictInfo> list_shared_dicts(const std::string& folder) {
  return find_dicts(SegmentFolder(folder));
}

std::vector<std::string> clean_shared_dicts(const std::string& folder, bool damaged_too) {
  const SegmentFolder opened(folder);
  std::vector<std::string> removed;
  for (const auto& info : find_dicts(opened)) {
    try {
      switch (info.state) {
        case SharedDictInfo::State::kAbandoned:
        case SharedDictInfo::State::kOrphaned:
          remove_unused(opened, info, removed);
          break;
        case SharedDictInfo::State::kDamaged:
          if (!damaged_too) break;
          for (const auto& file : info.files) {
            if (opened.remove(file)) removed.push_back(file);
          }
          break;
        case SharedDictInfo::State::kUsed:
        case SharedDictInfo::State::kIdle: {
          if (info.files.size() < 3) break;  // a control segment and one generation
          const auto core = shared::DictCore::open(info.name, {.folder = folder},
                                                   shared::DictCore::Opening::kAttach);
          const auto tidied = core->tidy();
          removed.insert(removed.end(), tidied.begin(), tidied.end());
          break;
        }
        case SharedDictInfo::State::kUnlinked:
          break;
      }
    } catch (const Error&) {
      // Another user's, gone meanwhile, or damaged: the next listing says so.
    }
  }
  return removed;
}

bool unlink_shared_dict(const std::string& name, const std::string& folder) {
  shared::check_dict_name(name);
  const SegmentFolder opened(folder);
  const auto file = SegmentName{.kind = SegmentName::Kind::kControl, .dict = name}.file();
  std::optional<ControlFile> control;
  try {
    control = look_at(opened, file);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData && error.code() != ErrorCode::kUnsupported) throw;
    return opened.remove(file);
  }
  if (!control || control->segment().unlinked.load(std::memory_order_relaxed) != 0) return false;
  control->retire(opened, name);
  if (control->claimed_elsewhere().empty()) control->remove_all(opened, name);
  return true;
}

}  // namespace h5flume
