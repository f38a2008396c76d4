#include <fmt/format.h>

#include <numeric>

#include "readers/chunks/direct_reader.h"
#include "readers/random/open_dataset_internal.h"
#include "readers/stream/stream_by_internal.h"
#include "readers/stream/streamer.h"

namespace h5flume {
namespace {

BoxSelection boxes_of(const BoxGrid& grid, const ElementPick& pick,
                      const ResolvedSelection& selection) {
  auto box = grid.box();
  box.insert(box.end(), pick.axes.begin(), pick.axes.end());
  auto count = grid.grid();
  count.resize(box.size(), 1);
  return {BoxPlan(selection, box, count), CopyLayout(pick, selection, box)};
}

std::size_t result_bytes(const ResolvedSelection& selection, const ElementPick& pick) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(selection.element_count, pick.type.size, &bytes)) {
    throw Error(ErrorCode::kInvalidArgument, "the result would have 2^64 bytes or more");
  }
  return bytes;
}

}  // namespace

OpenDataset::OpenDataset(std::shared_ptr<RequestEngine> engine, const ElementType& type)
    : engine_(std::move(engine)),
      whole_(std::make_shared<const ElementPick>(pick_fields(type, {}))),
      whole_type_(whole_, &whole_->type) {}

OpenDataset::OpenDataset(std::shared_ptr<RequestEngine> engine,
                         std::shared_ptr<const chunks::DirectSource> source,
                         std::shared_ptr<chunks::ChunkCache> cache)
    : OpenDataset(std::move(engine), source->info.type) {
  boxes_.emplace(std::move(source), std::move(cache));
}

OpenDataset::OpenDataset(std::shared_ptr<RequestEngine> engine, LibrarySource source)
    : OpenDataset(std::move(engine), source.info.type) {
  library_ = std::make_unique<LibraryRequests>(std::move(source));
}

void OpenDataset::start(const std::shared_ptr<Operation>& operation) {
  if (is_direct()) return engine_->start(operation);
  engine_->remember(operation);
  library_->put(operation);
}

void OpenDataset::read_into(const std::shared_ptr<const RequestSpec>& spec,
                            std::span<std::byte> out) {
  if (stage_kind() == StageMemory::Kind::kShared) return library_->read_into(spec, out);
  const auto operation = std::make_shared<Operation>(spec, Operation::Purpose::kDeliver, nullptr);
  operation->start(out, nullptr);
  start(operation);
  engine_->wait(operation);
  operation->throw_error();
}

void OpenDataset::close(bool wait) noexcept {
  if (library_) library_->close(wait);
}

BlockQueue OpenDataset::queue(StreamOptions options) {
  engine_->require_open(fmt::format("stream '{}' of {}", info().path, info().file));
  if (library_) {
    const hdf5::OpenOptions& opening = library_->source().opening;
    options.direct = opening.direct;
    if (options.fields.empty()) options.fields = opening.fields;
    return Streamer(info().file, library_->source().file_options).queue(info().path, options);
  }
  return stream_by(std::make_shared<chunks::DirectReader>(boxes_->grid().shared_source(),
                                                          boxes_->shared_cache()),
                   std::move(options));
}

std::shared_ptr<const RequestSpec> OpenDataset::specify(std::shared_ptr<OpenDataset> dataset,
                                                        Selection selection) try {
  auto spec = std::make_shared<RequestSpec>();
  const FieldChoice choice = selection.field_choice();
  if (choice == FieldChoice{}) {
    spec->pick = dataset->whole_;
    spec->type = dataset->whole_type_;
  } else {
    spec->pick = std::make_shared<const ElementPick>(pick_fields(dataset->info().type, choice));
    spec->type = {spec->pick, &spec->pick->type};
  }
  spec->resolved = resolve(selection, dataset->info().shape, spec->pick->axes);
  spec->bytes = result_bytes(spec->resolved, *spec->pick);
  if (dataset->is_direct()) {
    spec->boxes.emplace(boxes_of(dataset->boxes().grid(), *spec->pick, spec->resolved));
  }
  spec->selection = std::move(selection);
  spec->dataset = std::move(dataset);
  return spec;
} catch (const Error& error) {
  throw Error(error.code(), fmt::format("'{}' of {}: {}", dataset->info().path,
                                        dataset->info().file, error.what()));
}

std::size_t OpenDataset::decoded_bytes_at_most(const RequestSpec& spec) const noexcept {
  if (!is_direct()) return 0;
  std::size_t bytes = 0;
  return __builtin_mul_overflow(boxes_->grid().box_bytes(), spec.boxes->plan.size(), &bytes)
             ? SIZE_MAX
             : bytes;
}

}  // namespace h5flume
