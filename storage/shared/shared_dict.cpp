// Coming and going, reading, the lock.

#include "storage/shared/shared_dict.h"

#include <fmt/format.h>

#include "core/error.h"
#include "storage/shared/dict_core_internal.h"
#include "storage/shared/prepared_value_internal.h"
#include "storage/shared/shared_dict_internal.h"

namespace h5flume {

using shared::DictCore;
using shared::Replica;

SharedDict::SharedDict(std::shared_ptr<DictCore> core, std::uint32_t node)
    : core_(std::move(core)), node_(node) {}
SharedDict::SharedDict(SharedDict&&) noexcept = default;
SharedDict& SharedDict::operator=(SharedDict&&) noexcept = default;
SharedDict::~SharedDict() = default;

SharedDict SharedDict::create(const std::string& name, const SharedDictOptions& options) {
  return {DictCore::open(name, options, DictCore::Opening::kCreate), shared::kRootNode};
}
SharedDict SharedDict::attach(const std::string& name, const SharedDictOptions& options) {
  return {DictCore::open(name, options, DictCore::Opening::kAttach), shared::kRootNode};
}
SharedDict SharedDict::create_or_attach(const std::string& name, const SharedDictOptions& options) {
  return {DictCore::open(name, options, DictCore::Opening::kCreateOrAttach), shared::kRootNode};
}

SharedDict SharedDict::another() const {
  core_->refresh();
  SharedDictOptions options = core_->options();
  options.serializer = core_->serializer();
  return {DictCore::open(core_->name(), options, DictCore::Opening::kAttach), node_};
}

void SharedDict::close() { core_->close(); }
void SharedDict::unlink() { core_->unlink(); }
const std::string& SharedDict::name() const noexcept { return core_->name(); }
const SharedDictOptions& SharedDict::options() const noexcept { return core_->options(); }

// --- reading ------------------------------------------------------------------------------------

const SharedValue* SharedDict::find(const SharedKeyView& key) const {
  core_->refresh();
  const auto* const entry = core_->replica().find(node_, key);
  if (entry) return &entry->value;
  shared::node_of(*core_, node_);
  return nullptr;
}

Json SharedDict::at(const SharedKeyView& key) const {
  const SharedValue* const found = find(key);
  if (!found) shared::throw_no_key(*core_, key);
  return json_of(*found);
}

void SharedDict::throw_wrong_kind(const SharedKeyView& key, const SharedValue& value) const {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: the value of '{}' is of another type: {}", core_->operation("get from"),
                  SharedKey(key).name(), to_string(value.kind())));
}

Json SharedDict::json_of(const SharedValue& value) const { return shared::to_json(*core_, value); }

std::size_t SharedDict::size() const {
  core_->refresh();
  return shared::node_of(*core_, node_).size;
}

void SharedDict::for_each(
    const std::function<void(SharedKeyView, const SharedValue&)>& visit) const {
  core_->refresh();
  shared::node_of(*core_, node_);
  data().for_each(visit);
}

std::vector<SharedKey> SharedDict::keys() const {
  std::vector<SharedKey> keys;
  for_each([&](SharedKeyView key, const SharedValue& /*value*/) { keys.emplace_back(key); });
  return keys;
}

std::vector<Json> SharedDict::values() const {
  std::vector<Json> values;
  for_each(
      [&](SharedKeyView /*key*/, const SharedValue& value) { values.push_back(json_of(value)); });
  return values;
}

std::vector<SharedItem> SharedDict::items() const {
  std::vector<SharedItem> items;
  for_each([&](SharedKeyView key, const SharedValue& value) {
    items.push_back({key, json_of(value)});
  });
  return items;
}

Json SharedDict::to_json() const {
  core_->refresh();
  shared::node_of(*core_, node_);
  return shared::node_to_json(*core_, node_);
}

bool SharedDict::operator==(const SharedDict& other) const {
  core_->refresh();
  other.core_->refresh();
  shared::node_of(*core_, node_);
  shared::node_of(*other.core_, other.node_);
  return shared::nodes_equal(*core_, node_, *other.core_, other.node_);
}

bool SharedDict::operator==(const Json& object) const {
  // The other kind of JSON does not know an order of members.
  return object.is_object() && nlohmann::json(to_json()) == nlohmann::json(object);
}

SharedDict::Data SharedDict::data() const { return {core_.get(), node_}; }

const SharedValue* SharedDict::Data::find(const SharedKeyView& key) const {
  const auto* const entry = core_->replica().find(node_, key);
  return entry ? &entry->value : nullptr;
}

std::size_t SharedDict::Data::size() const {
  const auto* const node = core_->replica().node(node_);
  return node ? node->size : 0;
}

std::uint64_t SharedDict::Data::version() const { return core_->replica().version; }

void SharedDict::Data::for_each(
    const std::function<void(SharedKeyView, const SharedValue&)>& visit) const {
  const auto* const node = core_->replica().node(node_);
  if (!node) return;
  for (const auto* entry = node->first; entry; entry = entry->next) {
    visit(entry->key(), entry->value);
  }
}

SharedDict SharedDict::nested(const SharedKeyView& key) const {
  const SharedValue* const found = find(key);
  if (!found) shared::throw_no_key(*core_, key);
  if (found->kind() != SharedKind::kDict) throw_wrong_kind(key, *found);
  return {core_, static_cast<std::uint32_t>(found->word())};
}

// --- changes ------------------------------------------------------------------------------------

std::uint64_t SharedDict::version() const {
  core_->refresh();
  return core_->replica().version;
}

std::optional<std::uint64_t> SharedDict::wait_for_change(
    std::uint64_t since, std::optional<std::chrono::milliseconds> timeout) const {
  return core_->wait_for_change(since, timeout);
}

void SharedDict::dump() { core_->dump(); }
void SharedDict::reload() const { core_->reload(); }
SharedDictStatus SharedDict::status() const { return core_->status(); }

// --- the lock -----------------------------------------------------------------------------------

SharedDict::Lock SharedDict::lock(std::optional<std::chrono::milliseconds> timeout) {
  if (!core_->hold(timeout, DictCore::Patience::kWait)) core_->throw_lock_timeout();
  return Lock(core_);
}

std::optional<SharedDict::Lock> SharedDict::try_lock() {
  if (!core_->hold(std::chrono::milliseconds(0), DictCore::Patience::kWait)) return std::nullopt;
  return Lock(core_);
}

SharedDict::Lock SharedDict::steal_lock(std::chrono::milliseconds patience) {
  if (!core_->hold(patience, DictCore::Patience::kSteal)) core_->throw_lock_timeout();
  return Lock(core_);
}

std::optional<std::int64_t> SharedDict::lock_holder() const { return core_->lock_holder(); }

void SharedDict::Lock::release() noexcept {
  if (auto core = std::exchange(core_, nullptr)) core->let_go();
}

bool SharedDict::Lock::is_stolen() const noexcept { return core_ && core_->is_stolen(); }

}  // namespace h5flume
