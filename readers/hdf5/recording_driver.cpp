#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>

#include "readers/hdf5/recording_driver_internal.h"

namespace h5flume::hdf5 {
namespace {

// What an opening is told, copied by libhdf5 as plain bytes.
struct Source {
  int descriptor = -1;
};

constexpr std::size_t kMetadataBytes = 64 << 10;
constexpr haddr_t kLargestAddress = std::numeric_limits<off_t>::max();

RecordingFile& recording(H5FD_t* file) { return *static_cast<RecordingFile*>(file); }
const RecordingFile& recording(const H5FD_t* file) {
  return *static_cast<const RecordingFile*>(file);
}

// libhdf5 calls what follows, so nothing may be thrown.

H5FD_t* open(const char*, unsigned flags, hid_t access, haddr_t) noexcept {
  const void* const source = H5Pget_driver_info(access);
  if (source == nullptr || (flags & H5F_ACC_RDWR) != 0) return nullptr;
  auto* const file = new (std::nothrow) RecordingFile();
  if (file == nullptr) return nullptr;
  struct stat status {};
  file->descriptor = ::fcntl(static_cast<const Source*>(source)->descriptor, F_DUPFD_CLOEXEC, 0);
  if (file->descriptor < 0 || ::fstat(file->descriptor, &status) != 0) {
    if (file->descriptor >= 0) ::close(file->descriptor);
    delete file;
    return nullptr;
  }
  file->end_of_file = static_cast<haddr_t>(status.st_size);
  return file;
}

herr_t close(H5FD_t* file) noexcept {
  ::close(recording(file).descriptor);
  delete &recording(file);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) noexcept {
  if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA;  // metadata is read in larger parts
  return 0;
}

haddr_t end_of_allocation(const H5FD_t* file, H5FD_mem_t) noexcept {
  return recording(file).end_of_allocation;
}

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) noexcept {
  recording(file).end_of_allocation = address;
  return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) noexcept { return recording(file).end_of_file; }

herr_t get_handle(H5FD_t* file, hid_t, void** handle) noexcept {
  *handle = &recording(file);
  return 0;
}

herr_t read(H5FD_t* opened, H5FD_mem_t kind, hid_t, haddr_t address, size_t size,
            void* buffer) noexcept {
  RecordingFile& file = recording(opened);
  if (file.is_recording && kind == H5FD_MEM_DRAW) {
    ++file.reads;
    file.address = address;
    file.size_bytes = size;
    return 0;
  }
  if (address > kLargestAddress || size > kLargestAddress - address) return -1;
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = ::pread(file.descriptor, to, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {  // past the end of the file, which the plain driver reads as zeros too
      std::memset(to, 0, size);
      return 0;
    }
    to += got;
    size -= static_cast<std::size_t>(got);
    address += static_cast<haddr_t>(got);
  }
  return 0;
}

herr_t write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, size_t, const void*) noexcept { return -1; }

// Assigned member by member: their number and order changes between releases.
H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 14, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = 500;  // 256 to 511 are nobody's
#endif
  driver.name = "h5flume_recording";
  driver.maxaddr = kLargestAddress;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(Source);
  driver.open = &open;
  driver.close = &close;
  driver.query = &query;
  driver.get_eoa = &end_of_allocation;
  driver.set_eoa = &set_end_of_allocation;
  driver.get_eof = &end_of_file;
  driver.get_handle = &get_handle;
  driver.read = &read;
  driver.write = &write;
  constexpr H5FD_mem_t kFreeLists[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(kFreeLists), std::end(kFreeLists), driver.fl_map);
  return driver;
}

// Each node of an index is visited once. libhdf5 would keep 2 MiB of them and more, and finds the
// next one the more slowly. For nodes that are large themselves it still makes room.
void keep_little_metadata(const Identifier& access) {
  H5AC_cache_config_t config{};
  config.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  checked(H5Pget_mdc_config(access.get(), &config), "H5Pget_mdc_config");
  config.set_initial_size = true;
  config.initial_size = kMetadataBytes;
  config.min_size = kMetadataBytes;
  config.incr_mode = H5C_incr__off;
  config.decr_mode = H5C_decr__off;
  checked(H5Pset_mdc_config(access.get(), &config), "H5Pset_mdc_config");
}

}  // namespace

Identifier register_recording_driver() {
  const H5FD_class_t driver = driver_class();
  return Identifier(H5FDregister(&driver), "H5FDregister");
}

Identifier recording_access(const Identifier& driver, int descriptor) {
  Identifier access(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate");
  keep_little_metadata(access);
  const Source source{descriptor};
  checked(H5Pset_driver(access.get(), driver.get(), &source), "H5Pset_driver");
  return access;
}

RecordingFile& recording_file(const Identifier& file) {
  void* handle = nullptr;
  checked(H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &handle), "H5Fget_vfd_handle");
  return *static_cast<RecordingFile*>(handle);
}

}  // namespace h5flume::hdf5
