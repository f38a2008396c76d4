#include "readers/random/future.h"

#include <fmt/format.h>

#include <cstring>

#include "readers/random/box_run_internal.h"
#include "readers/random/open_dataset_internal.h"

namespace h5flume {

StageView::StageView(std::shared_ptr<Operation> operation)
    : operation_(std::move(operation)), lease_(std::make_shared<Lease>()) {}

StageView& StageView::operator=(StageView&& other) noexcept {
  if (this == &other) return *this;
  release();
  operation_ = std::move(other.operation_);
  lease_ = std::move(other.lease_);
  return *this;
}

std::span<const std::byte> StageView::bytes() const {
  if (!operation_) {
    throw Error(ErrorCode::kExpiredView, "look at a stage that was given back");
  }
  return operation_->out();
}

const std::vector<std::uint64_t>& StageView::shape() const {
  bytes();
  return operation_->spec().resolved.shape;
}

std::uint64_t StageView::size() const {
  bytes();
  return operation_->spec().resolved.element_count;
}

const ElementType& StageView::type() const {
  bytes();
  return *operation_->spec().type;
}

void StageView::release() noexcept {
  if (!operation_) return;
  lease_->end();  // before the stage can be filled again
  std::exchange(operation_, nullptr)->let_go();
}

Future& Future::operator=(Future&& other) noexcept {
  if (this == &other) return *this;
  drop();
  operation_ = std::move(other.operation_);
  return *this;
}

void Future::drop() noexcept {
  if (operation_) std::exchange(operation_, nullptr)->let_go();
}

const std::shared_ptr<Operation>& Future::operation() const {
  if (!operation_) {
    throw Error(ErrorCode::kInvalidArgument,
                "get the data of a request: they have been taken already");
  }
  return operation_;
}

bool Future::ready() const { return operation()->is_done(); }

void Future::wait() const { operation()->spec().dataset->engine().wait(operation_); }

bool Future::wait_for(std::chrono::nanoseconds limit) const {
  return operation()->wait_until_done(Operation::Clock::now() + limit);
}

void Future::cancel() { operation()->cancel(); }

void Future::wait_and_check() const {
  wait();
  operation_->throw_error();
}

Array Future::get() {
  wait_and_check();
  const RequestSpec& spec = operation_->spec();
  const auto from = operation_->out();
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(from.size());
  if (!from.empty()) std::memcpy(bytes.get(), from.data(), from.size());
  Array array(spec.type, spec.resolved.shape, std::move(bytes), from.size());
  drop();
  return array;
}

void Future::get_into(std::span<std::byte> out) {
  wait_and_check();
  const RequestSpec& spec = operation_->spec();
  const auto from = operation_->out();
  const bool may_be_larger = spec.type->is_variable_length();
  if (out.size() < from.size() || (out.size() > from.size() && !may_be_larger)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: a buffer of {} bytes for {} bytes",
                                                         spec.name(), out.size(), from.size()));
  }
  if (!from.empty()) std::memcpy(out.data(), from.data(), from.size());
  drop();
}

StageView Future::get_view() {
  wait_and_check();
  return StageView(std::exchange(operation_, nullptr));
}

std::span<const std::byte> Future::get_unsafe() {
  wait_and_check();
  return operation_->out();
}

}  // namespace h5flume
