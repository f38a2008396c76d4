#include "core/error.h"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace h5flume {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 15> kNames{{
    {ErrorCode::kInvalidArgument, "invalid_argument"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kUnsupported, "unsupported"},
    {ErrorCode::kMissingFilter, "missing_filter"},
    {ErrorCode::kCorruptData, "corrupt_data"},
    {ErrorCode::kSourceChanged, "source_changed"},
    {ErrorCode::kRefused, "refused"},
    {ErrorCode::kOutOfMemory, "out_of_memory"},
    {ErrorCode::kResourceLimit, "resource_limit"},
    {ErrorCode::kWorkerFailed, "worker_failed"},
    {ErrorCode::kTimeout, "timeout"},
    {ErrorCode::kCancelled, "cancelled"},
    {ErrorCode::kExpiredView, "expired_view"},
    {ErrorCode::kConflict, "conflict"},
    {ErrorCode::kIo, "io"},
}};

ErrorCode code_of_errno(int error_number) noexcept {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case ENOMEM:
    case ENOSPC:
    case EFBIG:
      return ErrorCode::kOutOfMemory;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
      return ErrorCode::kResourceLimit;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
  for (const auto& [known, name] : kNames) {
    if (known == code) return name;
  }
  return "io";
}

ErrorCode error_code_from(std::string_view name) noexcept {
  for (const auto& [code, known] : kNames) {
    if (known == name) return code;
  }
  return ErrorCode::kIo;
}

void throw_system_error(const std::string& operation, int error_number) {
  throw Error(code_of_errno(error_number),
              operation + ": " + std::system_category().message(error_number));
}

}  // namespace h5flume
