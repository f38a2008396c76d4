#include "readers/hdf5/dataset.h"

#include <H5Cpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset_layout_internal.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/memory_type_internal.h"
#include "readers/hdf5/open_file_internal.h"
#include "readers/hdf5/source_files_internal.h"
#include "readers/hdf5/storage_map_internal.h"

namespace h5flume::hdf5 {
namespace {

std::vector<std::uint64_t> shape_of(const H5::DataSpace& space) {
  switch (space.getSimpleExtentType()) {
    case H5S_SCALAR:
      throw Error(ErrorCode::kUnsupported, "is a scalar: it has no rows");
    case H5S_NULL:
      throw Error(ErrorCode::kUnsupported, "has a null dataspace: it has no data");
    default:
      break;
  }
  std::vector<hsize_t> dims(static_cast<std::size_t>(space.getSimpleExtentNdims()));
  if (dims.empty()) throw Error(ErrorCode::kUnsupported, "is a scalar: it has no rows");
  space.getSimpleExtentDims(dims.data());
  return {dims.begin(), dims.end()};
}

void check_size(const DatasetInfo& info) {
  std::uint64_t row_bytes = info.type.size;
  std::uint64_t bytes = 0;
  bool overflows = false;
  for (std::size_t axis = 1; axis < info.shape.size(); ++axis) {
    overflows |= __builtin_mul_overflow(row_bytes, info.shape[axis], &row_bytes);
  }
  overflows |= __builtin_mul_overflow(row_bytes, info.shape[0], &bytes);
  if (overflows) throw Error(ErrorCode::kUnsupported, "has more than 2^64 bytes");
}

// With neither a fill value nor a fill time, libhdf5 leaves the buffer of missing chunks alone.
bool leaves_gaps(const H5::DSetCreatPropList& creation) {
  return creation.getFillTime() == H5D_FILL_TIME_NEVER ||
         creation.isFillValueDefined() == H5D_FILL_VALUE_UNDEFINED;
}

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
  std::vector<hsize_t> start;
  std::vector<hsize_t> count;
  std::uint64_t memory_rows = 0;  // of memory_space; 0: not made yet

  MemoryType memory;
  DatasetInfo info;
  std::string missing_filter;  // why libhdf5 cannot decode the chunks; empty: it can
  bool has_chosen_fields = false;
  bool zero_first = false;  // libhdf5 may leave parts of the buffer alone
  bool has_storage = true;  // false: there is nothing to read, and libhdf5 would refuse to

  void open(const std::string& path, const OpenOptions& options);
  void open_sources(const H5::DataSet& first_look);
  void select(std::uint64_t first_row, std::uint64_t row_count);
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
    if (info.layout != Layout::kVirtual) {
      info.stored_bytes = first_look.getStorageSize();
      has_storage = info.stored_bytes > 0 || info.layout == Layout::kExternal;
    }
  }

  dataset = H5::DataSet(
      Identifier(H5Dopen2(file.getId(), path.c_str(), access.getId()), "H5Dopen2").get());
  dataset_file = Identifier(H5Iget_file_id(dataset.getId()), "H5Iget_file_id").as<H5::H5File>();
  dataset_descriptor = descriptor_of(dataset_file);
  dataset_file_identity = identity_of(dataset_descriptor);
  if (shape_of(dataset.getSpace()) != info.shape) {
    throw Error(ErrorCode::kSourceChanged, "the dataset's shape changed while it was opened");
  }
  file_space = dataset.getSpace();
  start.assign(info.shape.size(), 0);
  count.assign(info.shape.begin(), info.shape.end());
}

void Dataset::Impl::open_sources(const H5::DataSet& first_look) {
  const H5::H5File holder =
      Identifier(H5Iget_file_id(first_look.getId()), "H5Iget_file_id").as<H5::H5File>();
  const FileIdentity found = identity_of(descriptor_of(holder));
  const auto is_found = [&](const SourceFile& source) { return source.identity == found; };
  if (found != identity &&
      std::none_of(links.followed().begin(), links.followed().end(), is_found)) {
    throw Error(ErrorCode::kRefused,
                fmt::format("libhdf5 followed an external link to {}, which is not where the link "
                            "leads",
                            file_name_of(holder)));
  }
  sources = data_sources(first_look, policy, links);
}

void Dataset::Impl::select(std::uint64_t first_row, std::uint64_t row_count) {
  start[0] = first_row;
  count[0] = row_count;
  checked(H5Sselect_hyperslab(file_space.getId(), H5S_SELECT_SET, start.data(), nullptr,
                              count.data(), nullptr),
          "H5Sselect_hyperslab");
  if (memory_rows == row_count) return;
  memory_rows = 0;
  // The same rank as in the file: libhdf5 is fast where both selections have the same shape.
  memory_space = H5::DataSpace(static_cast<int>(count.size()), count.data());
  memory_rows = row_count;
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

const FileIdentity& Dataset::identity() const noexcept { return impl_->identity; }

void Dataset::read_rows(std::uint64_t first_row, std::uint64_t row_count,
                        std::span<std::byte> out) {
  Impl& impl = *impl_;
  check_rows(impl.info, first_row, row_count, out.size());
  if (out.empty()) return;
  if (!impl.missing_filter.empty()) {
    throw Error(ErrorCode::kMissingFilter,
                fmt::format("read {}: {}", name_of_rows(impl.info, first_row, row_count),
                            impl.missing_filter));
  }
  if (impl.zero_first) std::memset(out.data(), 0, out.size());

  LibraryAccess access;
  const auto read = [&] {
    impl.select(first_row, row_count);
    checked(H5Dread(impl.dataset.getId(), impl.memory.type.getId(), impl.memory_space.getId(),
                    impl.file_space.getId(), H5P_DEFAULT, out.data()),
            "H5Dread");
  };
  try {
    if (impl.has_storage || !impl.zero_first) read();
    impl.check_unchanged();
  } catch (...) {
    call(access, "read", name_of_rows(impl.info, first_row, row_count), [&] {
      // A change explains a failure better than what libhdf5 made of it.
      impl.check_unchanged();
      try {
        throw;
      } catch (const H5::Exception&) {
        const auto [code, cause] = cause_of(access.last_failure(), impl.info.filters);
        throw Error(code, cause);
      }
    });
  }
  finish_text(impl.memory, out);
}

StorageMap Dataset::storage_map() const {
  const Impl& impl = *impl_;
  LibraryAccess access;
  return call(access, "map", fmt::format("'{}' of {}", impl.info.path, impl.info.file), [&] {
    StorageMap map;
    try {
      map = map_storage(access, {.dataset = impl.dataset,
                                 .info = impl.info,
                                 .memory = impl.memory,
                                 .in_opened_file = impl.dataset_file_identity == impl.identity,
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
