#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace h5flume {

/// What went wrong, for code that has to react. People read Error::what().
enum class ErrorCode {
  kInvalidArgument,  ///< a call or an option that cannot be served as written
  kNotFound,         ///< no such file, dataset or field
  kUnsupported,      ///< valid data that this library does not read; the message names the feature
  kMissingFilter,    ///< a chunk filter that is not installed on this machine
  kCorruptData,      ///< the file's contents contradict themselves or fail a checksum
  kSourceChanged,    ///< a file was replaced, truncated or rewritten while it was being read
  kRefused,          ///< the file reaches for other files, and no option allows that
  kOutOfMemory,      ///< memory or shared memory is short
  kResourceLimit,    ///< a limit: of the system (descriptors, processes) or that an option sets
  kWorkerFailed,     ///< a worker process cannot be started, died too often, or does not answer
  kTimeout,          ///< an operation did not end within the time its option allows
  kCancelled,        ///< a request was cancelled, or its reader was closed before it was done
  kExpiredView,      ///< a view was used after its reservation had been released
  kConflict,         ///< somebody else was first: the key is there already, the lease is another's
  kIo,               ///< the operating system reports a read or write error
};

/// The code's name without its `k`, in snake_case: "missing_filter".
std::string_view to_string(ErrorCode code) noexcept;

/// The inverse of to_string(); kIo for a name it does not know.
ErrorCode error_code_from(std::string_view name) noexcept;

/// The one exception type of this library.
///
/// The message names the operation, the object and the cause:
/// `read '/events' rows 4096-8191 of run7.h5: chunk (32,0) fails its checksum`.
///
/// Threads: a value; copy it freely.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// Throws an Error for a failed system call: "<operation>: <strerror>", with the code that
/// `error_number` (an errno value) stands for: ENOENT is kNotFound, ENOMEM kOutOfMemory, EMFILE
/// kResourceLimit and so on; anything else is kIo.
[[noreturn]] void throw_system_error(const std::string& operation, int error_number);

}  // namespace h5flume
