#include "readers/hdf5/output_dataset.h"

#include <H5Cpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/open_file_internal.h"
#include "readers/hdf5/source_files_internal.h"
#include "readers/hdf5/stored_type_internal.h"
#include "storage/sync_folder.h"
#include "storage/write_fully.h"

namespace h5flume::hdf5 {
namespace {

constexpr const char* kOwner = "h5flume_owner";

// An empty file beside the destination, removed in the end, when it may have got its name.
class Temporary {
 public:
  // Throws as throw_system_error() does, so that libhdf5 is not asked to make what cannot be made:
  // it would leave things behind that it cannot close at its end.
  explicit Temporary(const std::string& destination) {
    // Relaxed: only the uniqueness of the numbers matters.
    static std::atomic<unsigned> count{0};
    name_ = fmt::format("{}.{}-{}.tmp", destination, ::getpid(),
                        count.fetch_add(1, std::memory_order_relaxed));
    const FileDescriptor file(
        ::open(name_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file) throw_system_error("create " + destination, errno);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { ::unlink(name_.c_str()); }

  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

Identifier creation_list() {
  Identifier list(H5Pcreate(H5P_DATASET_CREATE), "H5Pcreate");
  checked(H5Pset_layout(list.get(), H5D_CONTIGUOUS), "H5Pset_layout");
  checked(H5Pset_alloc_time(list.get(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  checked(H5Pset_fill_time(list.get(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
  return list;
}

Identifier link_list() {
  Identifier list(H5Pcreate(H5P_LINK_CREATE), "H5Pcreate");
  checked(H5Pset_create_intermediate_group(list.get(), 1), "H5Pset_create_intermediate_group");
  return list;
}

void write_file(const std::string& name, const OutputPlan& plan) {
  const H5::H5File file(name, H5F_ACC_TRUNC);
  const std::vector<hsize_t> shape(plan.shape.begin(), plan.shape.end());
  const H5::DataSpace space(static_cast<int>(shape.size()), shape.data());
  const Identifier id(
      H5Dcreate2(file.getId(), plan.path.c_str(), stored_type(plan.type).getId(), space.getId(),
                 link_list().get(), creation_list().get(), H5P_DEFAULT),
      "H5Dcreate2");
  const auto dataset = id.as<H5::DataSet>();
  const H5::StrType text(H5::PredType::C_S1, std::max<std::size_t>(plan.owner.size(), 1));
  dataset.createAttribute(kOwner, text, H5::DataSpace()).write(text, plan.owner);
}

void sync_file(const std::string& name, const std::string& operation) {
  const FileDescriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || ::fsync(file.get()) != 0) throw_system_error(operation, errno);
}

// Empty if nobody has signed it.
std::string owner_of(const H5::DataSet& dataset) {
  if (!dataset.attrExists(kOwner)) return {};
  const H5::Attribute attribute = dataset.openAttribute(kOwner);
  if (attribute.getTypeClass() != H5T_STRING) return {};
  std::string owner;
  attribute.read(attribute.getStrType(), owner);
  return owner;
}

// Where its bytes stand in its file; kMissing unless they all do, one behind the other.
std::uint64_t address_of(const H5::DataSet& dataset) {
  const H5::DSetCreatPropList creation = dataset.getCreatePlist();
  if (creation.getLayout() != H5D_CONTIGUOUS || creation.getExternalCount() > 0) return kMissing;
  const haddr_t address = H5Dget_offset(dataset.getId());
  return address == HADDR_UNDEF ? kMissing : address;
}

}  // namespace

bool OutputDataset::create(const std::string& file, const OutputPlan& plan) {
  const std::string operation = "create " + file;
  const Temporary temporary(file);
  {
    LibraryAccess access;
    call(access, "create", fmt::format("'{}' of {}", plan.path, file),
         [&] { write_file(temporary.name(), plan); });
  }
  sync_file(temporary.name(), operation);
  // A hard link, and no rename: of several that make the same file the first one has made it.
  if (::link(temporary.name().c_str(), file.c_str()) != 0) {
    if (errno == EEXIST) return false;
    throw_system_error(operation, errno);
  }
  sync_folder_of(file);
  return true;
}

// Others may be writing to it meanwhile: nothing here minds that the file changes.
OutputDataset::OutputDataset(const std::string& file, const std::string& path) {
  bool is_as_made = false;
  info_ = Dataset(file, path).info();
  {
    LibraryAccess access;
    call(access, "open", fmt::format("'{}' of {}", path, file), [&] {
      const H5::H5File opened = open_file(file);
      const Identifier id(H5Dopen2(opened.getId(), path.c_str(), dataset_access().getId()),
                          "H5Dopen2");
      const auto dataset = id.as<H5::DataSet>();
      owner_ = owner_of(dataset);
      address_ = address_of(dataset);
      is_as_made = dataset.getDataType() == stored_type(info_.type) &&
                   (address_ != kMissing || info_.decoded_bytes() == 0);
    });
  }
  if (!is_as_made) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("write '{}' of {}: it was not made as an output of h5flume", path, file));
  }
  file_ = FileDescriptor(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file_) throw_system_error("write " + file, errno);
}

void OutputDataset::write_rows(std::uint64_t first_row, std::span<const std::byte> rows) {
  const std::uint64_t row_bytes = info_.row_bytes();
  if (row_bytes == 0) return;
  check_rows(info_, first_row, rows.size() / row_bytes, rows.size());
  write_fully(file_.get(), address_ + first_row * row_bytes, rows,
              "write " + name_of_rows(info_, first_row, rows.size() / row_bytes));
  require_linked();
}

void OutputDataset::require_linked() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) == 0 && status.st_nlink > 0) return;
  throw Error(ErrorCode::kSourceChanged,
              fmt::format("write '{}' of {}: the file was removed", info_.path, info_.file));
}

void OutputDataset::sync() {
  if (::fdatasync(file_.get()) != 0) throw_system_error("write " + info_.file, errno);
}

}  // namespace h5flume::hdf5
