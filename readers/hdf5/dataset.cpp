#include "readers/hdf5/dataset.h"

#include <H5Cpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset_layout_internal.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/memory_type_internal.h"
#include "readers/hdf5/open_file_internal.h"
#include "readers/hdf5/source_files_internal.h"
#include "readers/hdf5/storage_map_internal.h"
#include "readers/hdf5/variable_rows_internal.h"

namespace h5flume::hdf5 {
namespace {

// Values of one batch that are looked at although they are more than the block has room for, so
// that an error can tell how much would have been enough.
constexpr std::size_t kSmallestBatchLimit = std::size_t{16} << 20;

void require_dataset(const Identifier& object) {
  switch (H5Iget_type(object.get())) {
    case H5I_DATASET:
      return;
    case H5I_GROUP:
      throw Error(ErrorCode::kInvalidArgument, "is a group, not a dataset");
    case H5I_DATATYPE:
      throw Error(ErrorCode::kInvalidArgument, "is a datatype, not a dataset");
    default:
      throw Error(ErrorCode::kInvalidArgument, "is not a dataset");
  }
}

// What one call reads, and how messages name it.
struct Box {
  std::vector<hsize_t> start;
  std::vector<hsize_t> extent;
  std::string name;
};

Box box_of(const DatasetInfo& info, std::span<const std::uint64_t> start,
           std::span<const std::uint64_t> extent) {
  return {{start.begin(), start.end()},
          {extent.begin(), extent.end()},
          name_of_box(info, start, extent)};
}

std::uint64_t element_count(const Box& box) {
  return std::accumulate(box.extent.begin(), box.extent.end(), std::uint64_t{1},
                         std::multiplies<>());
}

}  // namespace

struct Dataset::Impl {
  Impl(const std::string& file_path, const OpenOptions& options)
      : policy(file_path, options.allow_outside_sources), links(policy) {}

  // Declared before the HDF5 objects, which keep a pointer to `links`.
  SourcePolicy policy;
  LinkGuard links;

  H5::H5File file;
  H5::H5File dataset_file;  // where an external link led, else the same file
  int descriptor = -1;
  int dataset_descriptor = -1;
  FileIdentity identity;
  FileIdentity dataset_file_identity;
  std::vector<SourceFile> sources;

  H5::DataSet dataset;
  H5::DataSpace file_space;
  H5::DataSpace memory_space;
  std::vector<hsize_t> memory_shape;  // of memory_space; empty: not made yet

  MemoryType memory;
  DatasetInfo info;
  std::string missing_filter;  // why libhdf5 cannot decode the chunks; empty: it can
  bool has_chosen_fields = false;
  bool zero_first = false;  // libhdf5 may leave parts of the buffer alone
  bool has_storage = true;  // false: there is nothing to read, and libhdf5 would refuse to

  void open(const std::string& path, const OpenOptions& options);
  void measure(const H5::DataSet& opened);
  void open_sources(const H5::DataSet& first_look);
  void select(const Box& box);
  Box rows(std::uint64_t first_row, std::uint64_t row_count) const;
  void require_length(bool variable_length, const std::string& object) const;
  void require_filters(const std::string& object) const;
  template <class Read>
  void read(LibraryAccess& access, const Box& box, Read read_them);
  void read_into(const Box& box, std::span<std::byte> out);
  void append_batch(const Box& box, ListWriter& out);
  void check_unchanged() const;
  std::uint64_t readable_bytes() const;
};

void Dataset::Impl::open(const std::string& path, const OpenOptions& options) {
  file = open_file(info.file);
  descriptor = descriptor_of(file);
  identity = identity_of(descriptor);

  // The first look tells which chunk cache and sources the dataset needs. It is closed again:
  // libhdf5 keeps the cache of a dataset's first opening while that is open.
  const H5::DSetAccPropList access = links.access_list();
  {
    const Identifier object = open_object(file, path, links);
    require_dataset(object);
    const auto first_look = object.as<H5::DataSet>();
    const H5::DSetCreatPropList creation = first_look.getCreatePlist();
    missing_filter = describe_storage(creation, info);
    if (!missing_filter.empty() && !options.allow_missing_filters) {
      throw Error(ErrorCode::kMissingFilter, missing_filter);
    }
    zero_first = leaves_gaps(creation);
    open_sources(first_look);
    info.shape = shape_of(first_look.getSpace());
    if (info.layout == Layout::kChunked && info.chunk.size() != info.shape.size()) {
      throw Error(ErrorCode::kCorruptData, fmt::format("its chunks have {} axes, it has {}",
                                                       info.chunk.size(), info.shape.size()));
    }
    const H5::DataType file_type = first_look.getDataType();
    memory = memory_type_of(file_type, options.fields);
    has_chosen_fields = !options.fields.empty();
    info.type = memory.element;
    check_size(info);
    set_chunk_cache(access, info, file_type.getSize());
    if (info.layout != Layout::kChunked || !options.defer_stored_bytes) measure(first_look);
    if (has_storage && !has_chosen_fields) check_stored_size(info, file_type.getSize());
  }

  dataset = H5::DataSet(
      Identifier(H5Dopen2(file.getId(), path.c_str(), access.getId()), "H5Dopen2").get());
  dataset_file = Identifier(H5Iget_file_id(dataset.getId()), "H5Iget_file_id").as<H5::H5File>();
  dataset_descriptor = descriptor_of(dataset_file);
  dataset_file_identity = identity_of(dataset_descriptor);
  info.mean_value_bytes_at_most = mean_value_bytes(info, dataset_file_identity.size_bytes);
  if (shape_of(dataset.getSpace()) != info.shape) {
    throw Error(ErrorCode::kSourceChanged, "the dataset's shape changed while it was opened");
  }
  file_space = dataset.getSpace();
}

void Dataset::Impl::measure(const H5::DataSet& opened) {
  if (info.layout == Layout::kVirtual) return;
  info.stored_bytes = opened.getStorageSize();
  has_storage = info.stored_bytes > 0 || info.layout == Layout::kExternal;
}

void Dataset::Impl::open_sources(const H5::DataSet& first_look) {
  const H5::H5File holder =
      Identifier(H5Iget_file_id(first_look.getId()), "H5Iget_file_id").as<H5::H5File>();
  const FileIdentity found = identity_of(descriptor_of(holder));
  const auto is_found = [&](const SourceFile& source) {
    return is_same_file(source.identity, found);
  };
  if (!is_same_file(found, identity) &&
      std::none_of(links.followed().begin(), links.followed().end(), is_found)) {
    throw Error(ErrorCode::kRefused,
                fmt::format("libhdf5 followed an external link to {}, which is not where the link "
                            "leads",
                            file_name_of(holder)));
  }
  sources = data_sources(first_look, policy, links);
}

Box Dataset::Impl::rows(std::uint64_t first_row, std::uint64_t row_count) const {
  Box box{std::vector<hsize_t>(info.shape.size(), 0),
          {info.shape.begin(), info.shape.end()},
          name_of_rows(info, first_row, row_count)};
  box.start[0] = first_row;
  box.extent[0] = row_count;
  return box;
}

void Dataset::Impl::select(const Box& box) {
  checked(H5Sselect_hyperslab(file_space.getId(), H5S_SELECT_SET, box.start.data(), nullptr,
                              box.extent.data(), nullptr),
          "H5Sselect_hyperslab");
  if (memory_shape == box.extent) return;
  memory_shape.clear();
  // The same rank as in the file: libhdf5 is fast where both selections have the same shape.
  memory_space = H5::DataSpace(static_cast<int>(box.extent.size()), box.extent.data());
  memory_shape = box.extent;
}

void Dataset::Impl::check_unchanged() const {
  throw_if_changed(info.file, identity, identity_of(descriptor));
  if (dataset_descriptor != descriptor) {
    throw_if_changed(file_name_of(dataset), dataset_file_identity, identity_of(dataset_descriptor));
  }
  for (const SourceFile& source : sources) {
    try {
      throw_if_changed(source.path, source.identity, identity_of(source.path));
    } catch (const Error& error) {
      throw Error(ErrorCode::kSourceChanged, error.what());
    }
  }
}

// libhdf5 reads nothing beyond the end that the file itself names.
std::uint64_t Dataset::Impl::readable_bytes() const {
  haddr_t end = 0;
  checked(H5Fget_eoa(dataset_file.getId(), &end), "H5Fget_eoa");
  return std::min<std::uint64_t>(end, identity.size_bytes);
}

void Dataset::Impl::require_length(bool variable_length, const std::string& object) const {
  if (info.type.is_variable_length() == variable_length) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("read {}: its elements are {}of variable length", object,
                          variable_length ? "not " : ""));
}

void Dataset::Impl::require_filters(const std::string& object) const {
  if (missing_filter.empty()) return;
  throw Error(ErrorCode::kMissingFilter, fmt::format("read {}: {}", object, missing_filter));
}

// Selects the elements and has `read_them` call libhdf5, unless there is nothing to be read.
template <class Read>
void Dataset::Impl::read(LibraryAccess& access, const Box& box, Read read_them) {
  try {
    if (has_storage || !zero_first) {
      select(box);
      read_them();
    }
    check_unchanged();
  } catch (...) {
    call(access, "read", box.name, [&] {
      // A change explains a failure better than what libhdf5 made of it.
      check_unchanged();
      try {
        throw;
      } catch (const H5::Exception&) {
        const auto [code, cause] = cause_of(access.last_failure(), info.filters);
        throw Error(code, cause);
      }
    });
  }
}

void Dataset::Impl::read_into(const Box& box, std::span<std::byte> out) {
  if (out.empty()) return;
  require_filters(box.name);
  if (zero_first) std::memset(out.data(), 0, out.size());

  LibraryAccess access;
  read(access, box, [&] {
    checked(H5Dread(dataset.getId(), memory.type.getId(), memory_space.getId(), file_space.getId(),
                    H5P_DEFAULT, out.data()),
            "H5Dread");
  });
  finish_text(memory, out);
}

// Takes access for one batch, so that others get their turn.
void Dataset::Impl::append_batch(const Box& box, ListWriter& out) {
  LibraryAccess access;
  std::optional<VariableBatch> batch;
  call(access, "read", box.name, [&] {
    batch.emplace(memory, element_count(box), std::max(out.capacity_bytes(), kSmallestBatchLimit));
  });
  try {
    read(access, box, [&] { batch->read(dataset, memory_space, file_space); });
    call(access, "read", box.name, [&] { batch->append_to(out); });
  } catch (const Error& error) {
    if (batch->refused_bytes() == 0 || error.code() == ErrorCode::kSourceChanged) throw;
    out.give_up(batch->refused_bytes());
  }
}

Dataset::Dataset(const std::string& file, const std::string& path, const OpenOptions& options) {
  LibraryAccess access;
  const std::string object = fmt::format("'{}' of {}", path, file);
  std::unique_ptr<Impl> impl;
  call(access, "open", object, [&] {
    require_regular_file(file);
    if (path.empty() || path.find('\0') != std::string::npos) {
      throw Error(ErrorCode::kInvalidArgument, "not a path of a dataset");
    }
    impl = std::make_unique<Impl>(file, options);
    impl->info.file = file;
    impl->info.path = path;
    impl->open(path, options);
  });
  impl_ = std::move(impl);
}

Dataset::Dataset(Dataset&&) noexcept = default;

Dataset& Dataset::operator=(Dataset&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Dataset::~Dataset() {
  if (!impl_) return;
  LibraryAccess access;
  impl_.reset();
}

const DatasetInfo& Dataset::info() const noexcept { return impl_->info; }

void Dataset::require_filters() const {
  if (impl_->missing_filter.empty()) return;
  throw Error(ErrorCode::kMissingFilter, fmt::format("open '{}' of {}: {}", impl_->info.path,
                                                     impl_->info.file, impl_->missing_filter));
}

void Dataset::measure_storage() {
  LibraryAccess access;
  impl_->measure(impl_->dataset);
}

const FileIdentity& Dataset::identity() const noexcept { return impl_->identity; }

void Dataset::read_rows(std::uint64_t first_row, std::uint64_t row_count,
                        std::span<std::byte> out) {
  const Box box = impl_->rows(first_row, row_count);
  impl_->require_length(false, box.name);
  check_rows(impl_->info, first_row, row_count, out.size());
  impl_->read_into(box, out);
}

void Dataset::read_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> extent,
                       std::span<std::byte> out) {
  const Box box = box_of(impl_->info, start, extent);
  impl_->require_length(false, box.name);
  check_box(impl_->info, start, extent, out.size());
  impl_->read_into(box, out);
}

void Dataset::append_rows(std::uint64_t first_row, std::uint64_t row_count, ListWriter& out) {
  Impl& impl = *impl_;
  const std::string object = name_of_rows(impl.info, first_row, row_count);
  impl.require_length(true, object);
  check_row_range(impl.info, first_row, row_count);
  const std::uint64_t row_elements = impl.info.row_elements();
  if (row_count == 0 || row_elements == 0) return;
  impl.require_filters(object);

  const std::uint64_t batch_rows =
      std::max<std::uint64_t>(VariableBatch::kElements / row_elements, 1);
  const std::uint64_t end = first_row + row_count;
  for (std::uint64_t row = first_row; row < end && !out.given_up(); row += batch_rows) {
    impl.append_batch(impl.rows(row, std::min(batch_rows, end - row)), out);
  }
}

void Dataset::append_box(std::span<const std::uint64_t> start,
                         std::span<const std::uint64_t> extent, ListWriter& out) {
  const Box box = box_of(impl_->info, start, extent);
  impl_->require_length(true, box.name);
  check_box(impl_->info, start, extent, 0);  // elements of variable length have none themselves
  if (element_count(box) == 0) return;
  impl_->require_filters(box.name);
  impl_->append_batch(box, out);
}

StorageMap Dataset::storage_map() const {
  const Impl& impl = *impl_;
  LibraryAccess access;
  return call(access, "map", fmt::format("'{}' of {}", impl.info.path, impl.info.file), [&] {
    StorageMap map;
    try {
      map = map_storage(access,
                        {.dataset = impl.dataset,
                         .info = impl.info,
                         .memory = impl.memory,
                         .in_opened_file = is_same_file(impl.dataset_file_identity, impl.identity),
                         .has_chosen_fields = impl.has_chosen_fields,
                         .zero_gaps = impl.zero_first,
                         .descriptor = impl.dataset_descriptor,
                         .file_bytes = impl.readable_bytes()});
    } catch (...) {
      impl.check_unchanged();  // a change explains the failure better
      throw;
    }
    impl.check_unchanged();
    return map;
  });
}

}  // namespace h5flume::hdf5
