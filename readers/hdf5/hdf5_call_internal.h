#pragma once

#include <H5Cpp.h>

#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "readers/hdf5/dataset_info.h"

namespace h5flume::hdf5 {

/// One entry of libhdf5's error stack.
struct StackEntry {
  hid_t minor = -1;
  std::string function;
  std::string text;
};

/// The right to call libhdf5.
///
/// Takes the one lock of this library around libhdf5, so that a build of libhdf5 without
/// thread-safety is safe too, and replaces libhdf5's printing of errors by recording them.
/// Recording happens while the failing call returns: the destructors that run before a catch
/// clause is reached cannot lose the reason.
///
/// Every function of readers/hdf5 that is public takes one. A function that takes a
/// LibraryAccess expects its caller to hold it. Not recursive.
/// Lifetime: H5 objects must be destroyed before it is. Threads: stays on its thread.
class [[nodiscard]] LibraryAccess {
 public:
  LibraryAccess();
  LibraryAccess(const LibraryAccess&) = delete;
  LibraryAccess& operator=(const LibraryAccess&) = delete;
  ~LibraryAccess();

  /// The stack of the latest failed call, innermost entry first.
  const std::vector<StackEntry>& last_failure() const noexcept { return failure_; }

  /// Forgets the latest failure, for a caller who expected it.
  void forget_failure() noexcept { failure_.clear(); }

  /// Throws the latest failure as an Error: "<operation> <object>: <cause>".
  [[noreturn]] void throw_failure(const std::string& operation, const std::string& object) const;

 private:
  static herr_t record(hid_t stack, void* access);

  std::unique_lock<std::mutex> lock_;
  std::vector<StackEntry> failure_;
  H5E_auto2_t previous_function_ = nullptr;
  void* previous_data_ = nullptr;
};

/// A cause that a person can act on, and its code, for a stack of libhdf5. `filters` are those of
/// the dataset that was read, to be named where the stack does not tell which of them failed.
std::pair<ErrorCode, std::string> cause_of(const std::vector<StackEntry>& stack,
                                           std::span<const Filter> filters = {});

/// Runs `code` and gives its result. An H5::Exception becomes an Error, and an Error that names
/// a cause only gets "<operation> <object>: " put before it. Calls do not nest.
template <class Code>
auto call(const LibraryAccess& access, const std::string& operation, const std::string& object,
          Code&& code) -> decltype(code()) {
  try {
    return std::forward<Code>(code)();
  } catch (const H5::Exception&) {
    access.throw_failure(operation, object);
  } catch (const Error& error) {
    throw Error(error.code(), operation + " " + object + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, operation + " " + object + ": out of memory");
  } catch (const std::length_error&) {
    throw Error(ErrorCode::kOutOfMemory, operation + " " + object + ": out of memory");
  }
}

/// Gives the result of a C function; throws the exception of the C++ API if it is negative.
template <class Result>
Result checked(Result result, const char* function) {
  if (result < 0) throw H5::Exception(function, "failed");
  return result;
}

/// Owns an identifier that the C API returned.
class [[nodiscard]] Identifier {
 public:
  Identifier() = default;
  Identifier(hid_t id, const char* function) : id_(checked(id, function)) {}
  Identifier(Identifier&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Identifier& operator=(Identifier&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Identifier() {
    if (id_ >= 0) H5Idec_ref(id_);
  }

  hid_t get() const noexcept { return id_; }

  /// The same object as a class of the C++ API, which counts its own reference.
  template <class Object>
  Object as() const {
    return Object(id_);
  }

 private:
  hid_t id_ = -1;
};

}  // namespace h5flume::hdf5
