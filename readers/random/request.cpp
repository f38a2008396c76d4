#include "readers/random/request.h"

#include <fmt/format.h>

#include "readers/random/open_dataset_internal.h"

namespace h5flume {

Request Request::operator[](const Selection& next) const {
  return Request(OpenDataset::specify(spec_->dataset, spec_->selection[next]));
}

const Selection& Request::selection() const noexcept { return spec_->selection; }
const std::vector<std::uint64_t>& Request::shape() const noexcept { return spec_->resolved.shape; }
std::uint64_t Request::size() const noexcept { return spec_->resolved.element_count; }
const ElementType& Request::type() const noexcept { return *spec_->type; }
std::size_t Request::bytes() const noexcept { return spec_->bytes; }

Array Request::read() const {
  if (spec_->type->is_variable_length()) {
    spec_->dataset->engine().require_open(*spec_);
    return spec_->dataset->read_lists(spec_);
  }
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(spec_->bytes);
  read_into({bytes.get(), spec_->bytes});
  return Array(spec_->type, spec_->resolved.shape, std::move(bytes), spec_->bytes);
}

void Request::read_into(std::span<std::byte> out) const {
  if (out.size() != spec_->bytes && !spec_->type->is_variable_length()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: a buffer of {} bytes for {} bytes",
                                                         spec_->name(), out.size(), spec_->bytes));
  }
  spec_->dataset->engine().require_open(*spec_);
  spec_->dataset->read_into(spec_, out);
}

}  // namespace h5flume
