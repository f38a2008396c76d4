#include <cstring>
#include <optional>
#include <string_view>

#include "core/error.h"
#include "readers/hdf5/chunk_recorder_internal.h"
#include "readers/hdf5/recording_driver_internal.h"

namespace h5flume::hdf5 {
namespace {

// Keeps libhdf5 from handing out its errors, which costs more than finding them.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

// Whether the latest failure says no more than that a chunk was never written. Anything else, a
// wording of a later release included, counts as a failure: a chunk that cannot be read must not
// pass for one that is missing.
bool failed_for_missing_chunk() {
  bool is_missing = false;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, const H5E_error2_t* innermost, void* result) -> herr_t {
        const std::string_view text = innermost->desc != nullptr ? innermost->desc : "";
        *static_cast<bool*>(result) =
            text == "chunk address isn't defined" || text == "storage is not initialized";
        return H5_ITER_STOP;
      },
      &is_missing);
  return is_missing;
}

Identifier open_again(const Identifier& file, const H5::DataSet& dataset) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info{};
  checked(H5Oget_info3(dataset.getId(), &info, H5O_INFO_BASIC), "H5Oget_info3");
  return Identifier(H5Oopen_by_token(file.get(), info.token), "H5Oopen_by_token");
#else
  H5O_info_t info{};
  checked(H5Oget_info2(dataset.getId(), &info, H5O_INFO_BASIC), "H5Oget_info2");
  return Identifier(H5Oopen_by_addr(file.get(), info.addr), "H5Oopen_by_addr");
#endif
}

}  // namespace

struct ChunkRecorder::Impl {
  LibraryAccess& access;

  // Each needs those before it until it is closed.
  Identifier driver;
  Identifier file;
  Identifier dataset;

  RecordingFile* record = nullptr;
  std::optional<QuietErrors> quiet;

  // The driver leaves the buffer alone, and between it and this call nothing touches it.
  herr_t read(const hsize_t* first_element, std::uint32_t* filter_mask) {
    std::byte nothing{};
    record->reads = 0;
    return H5Dread_chunk(dataset.get(), H5P_DEFAULT, first_element, filter_mask, &nothing);
  }
};

ChunkRecorder::ChunkRecorder(LibraryAccess& access, const H5::DataSet& dataset,
                             const std::string& file_name, int descriptor)
    : impl_(new Impl{access, {}, {}, {}, nullptr, {}}) {
  impl_->driver = register_recording_driver();
  const Identifier list = recording_access(impl_->driver, descriptor);
  impl_->file = Identifier(H5Fopen(file_name.c_str(), H5F_ACC_RDONLY, list.get()), "H5Fopen");
  impl_->dataset = open_again(impl_->file, dataset);
  impl_->record = &recording_file(impl_->file);
  impl_->record->is_recording = true;
  impl_->quiet.emplace();
}

ChunkRecorder::~ChunkRecorder() = default;

StoredChunk ChunkRecorder::locate(const hsize_t* first_element) {
  StoredChunk chunk;
  if (impl_->read(first_element, &chunk.filter_mask) < 0) {
    if (failed_for_missing_chunk()) return {};
    impl_->quiet.reset();
    impl_->access.forget_failure();
    impl_->read(first_element, &chunk.filter_mask);  // again, to learn the reason
    const auto [code, cause] = cause_of(impl_->access.last_failure());
    throw Error(code, cause);
  }
  // libhdf5 makes no read of nothing.
  if (impl_->record->reads == 0) throw Error(ErrorCode::kCorruptData, "it is stored in no bytes");
  if (impl_->record->reads > 1) {
    throw Error(ErrorCode::kCorruptData, "it is stored in more than one place");
  }
  chunk.address = impl_->record->address;
  chunk.size_bytes = impl_->record->size_bytes;
  return chunk;
}

}  // namespace h5flume::hdf5
