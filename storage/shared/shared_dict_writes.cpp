// Changes to a shared dict.

#include <fmt/format.h>

#include <bit>

#include "core/error.h"
#include "storage/shared/prepared_value_internal.h"
#include "storage/shared/shared_dict.h"
#include "storage/shared/shared_dict_internal.h"

namespace h5flume {

using shared::DictCore;
using shared::PreparedValue;
using shared::Replica;

namespace shared {

const Replica::Node& node_of(const DictCore& core, std::uint32_t node) {
  const auto* const found = core.replica().node(node);
  if (!found) {
    throw Error(ErrorCode::kNotFound,
                core.operation("use a nested dict of") + ": it has been erased or replaced");
  }
  return *found;
}

void throw_no_key(const DictCore& core, const SharedKeyView& key) {
  throw Error(ErrorCode::kNotFound, fmt::format("{}: it has no key '{}'",
                                                core.operation("get from"), SharedKey(key).name()));
}

}  // namespace shared

namespace {

// Of a frame with one operation.
std::size_t frame_bytes(std::size_t operation_bytes) noexcept {
  return shared::kFrameHeaderBytes + operation_bytes + shared::kFrameAlignment;
}

std::size_t bytes_of_number(const SharedKeyView& key) noexcept {
  return frame_bytes(shared::kOperationHeaderBytes + shared::bytes_of(key) + sizeof(std::uint64_t));
}

}  // namespace

void SharedDict::set(const SharedKeyView& key, const SharedInput& value) {
  shared::check_key(*core_, key);
  const PreparedValue prepared(*core_, value, core_->recurse());
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, frame_bytes(prepared.bytes_to_set(shared::bytes_of(key))));
  shared::node_of(*core_, node_);
  prepared.set(change, place);
  change.commit();
}

void SharedDict::update(std::span<const SharedItem> items) {
  std::vector<PreparedValue> prepared;
  prepared.reserve(items.size());
  std::size_t bytes = 0;
  for (const auto& item : items) {
    shared::check_key(*core_, item.key);
    prepared.emplace_back(*core_, SharedInput(item.value), core_->recurse());
    bytes += prepared.back().bytes_to_set(shared::bytes_of(item.key));
  }
  DictCore::Change change(*core_, frame_bytes(bytes));
  shared::node_of(*core_, node_);
  for (std::size_t index = 0; index < items.size(); ++index) {
    prepared[index].set(change, {node_, items[index].key});
  }
  change.commit();
}

void SharedDict::update(const Json& object) {
  if (!object.is_object()) {
    throw Error(ErrorCode::kInvalidArgument, core_->operation("update") + ": it is no JSON object");
  }
  std::vector<SharedItem> items;
  items.reserve(object.size());
  for (const auto& [name, value] : object.items()) items.push_back({SharedKey(name), value});
  update(items);
}

bool SharedDict::erase(const SharedKeyView& key) {
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, bytes_of_number(key));
  shared::node_of(*core_, node_);
  if (!core_->replica().find(place)) return false;
  change.erase(place);
  change.commit();
  return true;
}

std::optional<Json> SharedDict::pop(const SharedKeyView& key) {
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, bytes_of_number(key));
  shared::node_of(*core_, node_);
  const auto* const entry = core_->replica().find(place);
  if (!entry) return std::nullopt;
  std::optional<Json> value = json_of(entry->value);
  change.erase(place);
  change.commit();
  return value;
}

std::optional<SharedItem> SharedDict::popitem() {
  DictCore::Change change(*core_, frame_bytes(shared::kOperationHeaderBytes));
  const auto* const last = shared::node_of(*core_, node_).last;
  if (!last) return std::nullopt;
  std::optional<SharedItem> item(SharedItem{last->key(), json_of(last->value)});
  change.erase({node_, item->key});
  change.commit();
  return item;
}

Json SharedDict::setdefault(const SharedKeyView& key, const SharedInput& value) {
  if (const SharedValue* const found = find(key)) return json_of(*found);  // without the lock
  shared::check_key(*core_, key);
  const PreparedValue prepared(*core_, value, core_->recurse());
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, frame_bytes(prepared.bytes_to_set(shared::bytes_of(key))));
  shared::node_of(*core_, node_);
  if (!core_->replica().find(place)) {
    prepared.set(change, place);
    change.commit();
  }
  return json_of(core_->replica().find(place)->value);
}

void SharedDict::clear() {
  DictCore::Change change(*core_, frame_bytes(shared::kOperationHeaderBytes));
  if (shared::node_of(*core_, node_).size == 0) return;
  change.clear_node(node_);
  change.commit();
}

bool SharedDict::compare_and_swap(const SharedKeyView& key,
                                  const std::optional<SharedInput>& expected,
                                  const std::optional<SharedInput>& desired) {
  shared::check_key(*core_, key);
  std::optional<PreparedValue> old_value;
  std::optional<PreparedValue> new_value;
  if (expected) old_value.emplace(*core_, *expected, core_->recurse());
  if (desired) new_value.emplace(*core_, *desired, core_->recurse());
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, new_value
                                      ? frame_bytes(new_value->bytes_to_set(shared::bytes_of(key)))
                                      : bytes_of_number(key));
  shared::node_of(*core_, node_);
  const auto* const entry = core_->replica().find(place);
  if (entry ? !old_value || !old_value->equals(*core_, entry->value) : old_value.has_value()) {
    return false;
  }
  if (new_value) {
    new_value->set(change, place);
  } else if (entry) {
    change.erase(place);
  }
  change.commit();
  return true;
}

std::int64_t SharedDict::increment(const SharedKeyView& key, std::int64_t by) {
  shared::check_key(*core_, key);
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, bytes_of_number(key));
  shared::node_of(*core_, node_);
  const auto* const entry = core_->replica().find(place);
  std::int64_t sum = 0;
  if (entry) {
    const auto number = entry->value.as<std::int64_t>();
    if (!number) throw_wrong_kind(key, entry->value);
    sum = *number;
  }
  if (__builtin_add_overflow(sum, by, &sum)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the sum at '{}' has more than 64 bits",
                            core_->operation("increment in"), SharedKey(key).name()));
  }
  change.set(place, {SharedKind::kInteger, static_cast<std::uint64_t>(sum), {}});
  change.commit();
  return sum;
}

double SharedDict::increment_real(const SharedKeyView& key, double by) {
  shared::check_key(*core_, key);
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, bytes_of_number(key));
  shared::node_of(*core_, node_);
  const auto* const entry = core_->replica().find(place);
  double sum = by;
  if (entry) {
    const auto number = entry->value.as<double>();
    if (!number) throw_wrong_kind(key, entry->value);
    sum += *number;
  }
  change.set(place, {SharedKind::kReal, std::bit_cast<std::uint64_t>(sum), {}});
  change.commit();
  return sum;
}

void SharedDict::transaction(const std::function<void()>& change) { core_->transaction(change); }

SharedDict SharedDict::make_nested(const SharedKeyView& key) {
  if (const SharedValue* const found = find(key); found && found->kind() == SharedKind::kDict) {
    return {core_, static_cast<std::uint32_t>(found->word())};
  }
  shared::check_key(*core_, key);
  const Replica::Place place(node_, key);
  DictCore::Change change(*core_, bytes_of_number(key));
  shared::node_of(*core_, node_);
  if (const auto* const entry = core_->replica().find(place)) {
    if (entry->value.kind() != SharedKind::kDict) throw_wrong_kind(key, entry->value);
    return {core_, static_cast<std::uint32_t>(entry->value.word())};
  }
  const std::uint32_t node = change.set_node(place);
  change.commit();
  return {core_, node};
}

}  // namespace h5flume
