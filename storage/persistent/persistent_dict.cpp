#include "storage/persistent/persistent_dict.h"

#include <fmt/format.h>

#include "core/error.h"
#include "storage/persistent/dict/dict_scan_internal.h"
#include "storage/persistent/dict/dict_state_internal.h"

namespace h5flume {

using persistent::DictScan;
using persistent::DictState;
using persistent::StoredValue;

namespace {

std::string name_of(const DictState& state, const Key& key) {
  return fmt::format("dict {} key {}", state.path(), key.json_text());
}

std::string text_of(const DictState& state, const Key& key, const Json& value) {
  return to_json_text(value, [&] { return name_of(state, key); });
}

// What stands in the file was checked when it was written; a damaged file may hold anything.
Json value_of(const DictState& state, const Key& key, std::string_view text) {
  if (auto value = parse_stored_json(text)) return *std::move(value);
  throw Error(ErrorCode::kCorruptData, name_of(state, key) + ": what is stored is no JSON");
}

[[noreturn]] void throw_no_key(const DictState& state, const Key& key) {
  throw Error(ErrorCode::kNotFound,
              fmt::format("dict {}: no key {}", state.path(), key.json_text()));
}

}  // namespace

// --- DictItems ----------------------------------------------------------------------------------

DictItems::DictItems(std::unique_ptr<DictScan> scan) : scan_(std::move(scan)) {}
DictItems::DictItems(DictItems&&) noexcept = default;
DictItems::~DictItems() = default;

std::optional<DictItem> DictItems::next() {
  auto entry = scan_->next();
  if (!entry) return std::nullopt;
  auto key = Key::stored(std::move(entry->key));
  auto value = value_of(scan_->state(), key, *entry->text);
  return DictItem{std::move(key), std::move(value)};
}

// --- reading ------------------------------------------------------------------------------------

PersistentDict::PersistentDict(const std::string& path, const DictOptions& options)
    : state_(std::make_unique<DictState>(path, options)) {}
PersistentDict::PersistentDict(PersistentDict&&) noexcept = default;
PersistentDict& PersistentDict::operator=(PersistentDict&&) noexcept = default;
PersistentDict::~PersistentDict() = default;

std::optional<Json> PersistentDict::find(const Key& key) const {
  const auto stored = state_->find(key.json_text());
  if (!stored.text) return std::nullopt;
  return value_of(*state_, key, *stored.text);
}

Json PersistentDict::at(const Key& key) const {
  auto value = find(key);
  if (!value) throw_no_key(*state_, key);
  return *std::move(value);
}

Json PersistentDict::get(const Key& key, Json fallback) const {
  auto value = find(key);
  return value ? *std::move(value) : std::move(fallback);
}

std::optional<VersionedValue> PersistentDict::find_versioned(const Key& key) const {
  const auto stored = state_->find(key.json_text());
  if (!stored.text) return std::nullopt;
  return VersionedValue{value_of(*state_, key, *stored.text), stored.version};
}

bool PersistentDict::contains(const Key& key) const {
  return static_cast<bool>(state_->find(key.json_text()).text);
}

std::size_t PersistentDict::size() const { return state_->size(); }

DictItems PersistentDict::items(View view) const {
  return DictItems(std::make_unique<DictScan>(*state_, view));
}

std::vector<Key> PersistentDict::keys() const {
  std::vector<Key> keys;
  DictScan scan(*state_, View::kSnapshot);
  while (auto entry = scan.next()) keys.push_back(Key::stored(std::move(entry->key)));
  return keys;
}

std::vector<Json> PersistentDict::values() const {
  std::vector<Json> values;
  for (auto items = this->items(); auto item = items.next();) {
    values.push_back(std::move(item->value));
  }
  return values;
}

bool PersistentDict::operator==(const PersistentDict& other) const {
  DictScan mine(*state_, View::kSnapshot);
  DictScan theirs(*other.state_, View::kSnapshot);
  for (;;) {
    const auto left = mine.next();
    const auto right = theirs.next();
    if (!left || !right) return !left && !right;
    if (left->key != right->key || *left->text != *right->text) return false;
  }
}

// --- writing ------------------------------------------------------------------------------------

void PersistentDict::set(const Key& key, const Json& value) {
  state_->set(key.json_text(), text_of(*state_, key, value));
}

void PersistentDict::update(std::span<const DictItem> items) {
  std::vector<std::pair<std::string, std::string>> entries;
  entries.reserve(items.size());
  for (const auto& [key, value] : items) {
    entries.emplace_back(key.json_text(), text_of(*state_, key, value));
  }
  state_->set_all(entries);
}

bool PersistentDict::erase(const Key& key) { return pop(key).has_value(); }

std::optional<Json> PersistentDict::pop(const Key& key) {
  StoredValue popped;
  state_->transform(key.json_text(), [&](const StoredValue& value) {
    popped = value;
    return std::nullopt;
  });
  if (!popped.text) return std::nullopt;
  return value_of(*state_, key, *popped.text);
}

Json PersistentDict::setdefault(const Key& key, Json value) {
  const auto fallback = text_of(*state_, key, value);
  std::string text;
  state_->transform(key.json_text(), [&](const StoredValue& stored) {
    text = stored.text ? std::string(*stored.text) : fallback;
    return text;
  });
  return value_of(*state_, key, text);
}

void PersistentDict::clear() { state_->clear(); }

bool PersistentDict::compare_and_set(const Key& key, std::uint64_t version, const Json& value) {
  const auto text = text_of(*state_, key, value);
  bool is_equal = false;
  state_->transform(key.json_text(), [&](const StoredValue& stored) -> std::optional<std::string> {
    is_equal = stored.version == version && static_cast<bool>(stored.text) == (version != 0);
    if (is_equal) return text;
    if (!stored.text) return std::nullopt;
    return std::string(*stored.text);
  });
  return is_equal;
}

bool PersistentDict::compare_and_swap(const Key& key, const std::optional<Json>& expected,
                                      const Json& desired) {
  const auto text = text_of(*state_, key, desired);
  bool is_equal = false;
  state_->transform(key.json_text(), [&](const StoredValue& stored) -> std::optional<std::string> {
    is_equal =
        stored.text ? expected && value_of(*state_, key, *stored.text) == *expected : !expected;
    if (is_equal) return text;
    if (!stored.text) return std::nullopt;
    return std::string(*stored.text);
  });
  return is_equal;
}

Json PersistentDict::update(const Key& key, const std::function<Json(Json)>& change) {
  Json result;
  state_->transform(key.json_text(), [&](const StoredValue& stored) {
    result = change(stored.text ? value_of(*state_, key, *stored.text) : Json());
    return text_of(*state_, key, result);
  });
  return result;
}

// --- together -----------------------------------------------------------------------------------

struct PersistentDict::Lock::Pass {
  persistent::WriterGate::Pass inside;
};

PersistentDict::Lock::Lock(std::unique_ptr<Pass> pass) : pass_(std::move(pass)) {}
PersistentDict::Lock::Lock(Lock&&) noexcept = default;
PersistentDict::Lock& PersistentDict::Lock::operator=(Lock&&) noexcept = default;
PersistentDict::Lock::~Lock() = default;

PersistentDict::Lock PersistentDict::lock() {
  return Lock(std::make_unique<Lock::Pass>(Lock::Pass{state_->gate().enter()}));
}

std::optional<PersistentDict::Lock> PersistentDict::try_lock(std::chrono::milliseconds timeout) {
  auto pass = state_->gate().enter_by(std::chrono::steady_clock::now() + timeout);
  if (!pass) return std::nullopt;
  return Lock(std::make_unique<Lock::Pass>(Lock::Pass{*std::move(pass)}));
}

bool PersistentDict::locked() const { return state_->gate().is_taken(); }

// --- synchronisation ----------------------------------------------------------------------------

void PersistentDict::hold() { state_->hold(); }
void PersistentDict::unhold() { state_->unhold(); }
void PersistentDict::sync() { state_->sync(); }
void PersistentDict::sync_key(const Key& key) { state_->sync_key(key.json_text()); }
void PersistentDict::revert() { state_->revert(); }
void PersistentDict::mark_dirty(const Key& key) { state_->mark_dirty(key.json_text()); }
void PersistentDict::close() { state_->close(); }

std::vector<Key> PersistentDict::dirty() const {
  std::vector<Key> keys;
  for (auto& key : state_->dirty()) keys.push_back(Key::stored(std::move(key)));
  return keys;
}

std::vector<std::string> PersistentDict::check() const {
  auto wrong = state_->check();
  DictScan scan(*state_, View::kSnapshot);
  while (const auto entry = scan.next()) {
    if (!parse_stored_json(entry->key))
      wrong.push_back(fmt::format("key {} is no JSON", entry->key));
    if (!parse_stored_json(*entry->text)) {
      wrong.push_back(fmt::format("the value of key {} is no JSON", entry->key));
    }
  }
  return wrong;
}

const std::string& PersistentDict::path() const noexcept { return state_->path(); }
const DictOptions& PersistentDict::options() const noexcept { return state_->options(); }

}  // namespace h5flume
