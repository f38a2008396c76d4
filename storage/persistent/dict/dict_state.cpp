#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "storage/persistent/dict/dict_state_internal.h"
#include "storage/persistent/store_folder_internal.h"

namespace h5flume::persistent {
namespace {

Access access_of(const DictOptions& options) {
  if (options.read_only) return Access::kReadOnly;
  return options.create ? Access::kCreate : Access::kReadWrite;
}

// The folder, looked at before anything in it is opened.
std::string checked_folder(const std::string& path, const DictOptions& options) {
  if (options.sync_at == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("open dict {}: sync_at has to be 1 or more", path));
  }
  open_store_folder(path, access_of(options), "dict");
  return path;
}

}  // namespace

DictState::DictState(const std::string& path, const DictOptions& options)
    : path_(checked_folder(path, options)),
      options_(options),
      gate_(path + "/gate", options.read_only),
      cache_(options.cache_bytes) {
  std::optional<WriterGate::Pass> pass;
  if (!options.read_only) pass = gate_.enter();
  engine_ = open_sqlite_dict(path + "/dict.sqlite", options.read_only);
  log_ = std::make_unique<ChangeLog>(
      path + "/log",
      ChangeLog::EngineState{engine_->identity(), engine_->generation(), engine_->last_version()},
      options.read_only);
  read_to_ = ChangeLog::begin_of(log_->position().generation);
  catch_up();
}

DictState::~DictState() {
  if (gate_.was_forked()) {
    static_cast<void>(engine_.release());  // closing it here would take the parent's locks away
    return;
  }
  try {
    close();
  } catch (const std::exception&) {  // close() is there for those who want to know
  }
}

void DictState::close() {
  gate_.check_process();
  std::optional<WriterGate::Pass> pass;
  if (!options_.read_only) pass = gate_.enter();
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  if (!options_.read_only) {
    catch_up_in_gate();
    write_all_held();
    give_to_engine();
  }
  closed_ = true;
  engine_.reset();
}

std::unique_lock<std::mutex> DictState::look() {
  gate_.check_process();
  std::unique_lock lock(mutex_);
  if (!closed_) return lock;
  throw Error(ErrorCode::kCancelled, fmt::format("use dict {}: it has been closed", path_));
}

DictState::Inside DictState::enter() {
  check_writable();
  auto pass = gate_.enter();
  Inside inside{std::move(pass), look()};
  catch_up_in_gate();
  return inside;
}

void DictState::check_writable() const {
  if (!options_.read_only) return;
  throw Error(ErrorCode::kRefused,
              fmt::format("write to dict {}: it has been opened read-only", path_));
}

// --- what others have written -------------------------------------------------------------------

void DictState::catch_up() {
  for (auto now = log_->position(); now != read_to_; now = log_->position()) {
    if (now.generation == read_to_.generation) {
      const auto apply = [this](const LoggedChange& change) { cache_.apply(change); };
      if (const auto end = log_->read(read_to_, apply)) read_to_ = *end;
      continue;
    }
    // The engine has been given the log. Was that what is known here, and nothing more?
    const bool all_known =
        log_->previous() == read_to_ && now.generation == read_to_.generation + 1;
    if (all_known) {
      cache_.settle();
    } else {
      cache_.clear();
    }
    read_to_ = ChangeLog::begin_of(now.generation);
  }
}

void DictState::catch_up_in_gate() {
  if (const auto generation = log_->unfinished()) {
    if (engine_->generation() == *generation) {
      log_->restart(*generation);
    } else {
      log_->announce(0);
    }
  }
  catch_up();
}

// --- reading ------------------------------------------------------------------------------------

StoredValue DictState::find_shared(std::string_view key) {
  catch_up();
  const auto* entry = cache_.find(key);
  if (!entry) entry = &cache_.learn(key, engine_->find(key));
  return {entry->value, entry->version};
}

StoredValue DictState::find_here(std::string_view key) {
  const auto held = held_.find(key);
  if (held != held_.end()) return {held->second.text, 0};
  return find_shared(key);
}

StoredValue DictState::find(std::string_view key) {
  const auto lock = look();
  return find_here(key);
}

// The engine may be given what is pending by others in between, after which it shows another size.
// What the cache has been told about another generation it forgets when it catches up.
std::int64_t DictState::shared_size() {
  const auto has = [this](std::string_view key) { return engine_->find(key).has_value(); };
  for (;;) {
    catch_up();
    const auto generation = engine_->generation();
    const bool has_pending = generation != read_to_.generation && log_->unfinished() == generation;
    if (!has_pending && generation != read_to_.generation) continue;
    const auto size =
        static_cast<std::int64_t>(engine_->size()) + (has_pending ? 0 : cache_.growth(has));
    if (engine_->generation() == generation) return size;
  }
}

std::size_t DictState::size() {
  const auto lock = look();
  auto size = shared_size();
  for (const auto& [key, change] : held_) {
    size += (change.text ? 1 : 0) - (find_shared(key).text ? 1 : 0);
  }
  return static_cast<std::size_t>(size);
}

std::vector<std::string> DictState::check() {
  const auto lock = look();
  catch_up();
  return engine_->check();
}

void DictState::add_held_to(Overlay& overlay) {
  for (const auto* held : held_in_order()) {
    const auto& [key, change] = *held;
    const auto [at, fresh] = overlay.entries.try_emplace(key);
    const bool moves = !fresh && (change.was_erased || !at->second.text);
    at->second = {change.text, at->second.goes_last || change.was_erased};
    if (moves) std::erase(overlay.order, key);  // its old place
    if (fresh || moves) overlay.order.push_back(key);
  }
}

std::pair<std::unique_ptr<DictView>, DictState::Overlay> DictState::snapshot() {
  const auto lock = look();
  for (;;) {
    catch_up();
    auto view = engine_->snapshot();
    const auto generation = view->generation();
    // An engine that was given what the log still holds shows the same, either way.
    if (generation != read_to_.generation && log_->unfinished() != generation) continue;
    Overlay overlay;
    for (const auto& change : cache_.pending()) {
      overlay.entries[std::string(change.key)] = {cache_.find(change.key)->value, change.goes_last};
      overlay.order.emplace_back(change.key);
    }
    add_held_to(overlay);
    return {std::move(view), std::move(overlay)};
  }
}

std::pair<std::vector<DictRow>, DictState::Overlay> DictState::live_page(std::uint64_t after,
                                                                         std::size_t limit) {
  const auto inside = enter();
  give_to_engine();
  auto rows = engine_->page(after, limit);
  Overlay overlay;
  add_held_to(overlay);
  std::erase_if(overlay.order, [&](const std::string& key) {  // what has been among the rows
    return !rows.empty() || (!overlay.entries[key].goes_last && engine_->find(key));
  });
  return {std::move(rows), std::move(overlay)};
}

}  // namespace h5flume::persistent
