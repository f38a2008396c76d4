#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "storage/persistent/json.h"

namespace h5flume {

/// Turns the arrays and objects of a dict into bytes and back. All processes of a dict use the
/// same one; its name is kept with the dict and checked.
struct SharedSerializer {
  std::string name;  ///< at most 31 bytes
  std::function<std::string(const Json&)> dumps;
  std::function<Json(std::string_view)> loads;  ///< throws what it likes for damaged bytes

  static SharedSerializer json();     ///< JSON text; the default
  static SharedSerializer cbor();     ///< RFC 8949, smaller and faster
  static SharedSerializer msgpack();  ///< MessagePack
};

struct SharedDictOptions {
  /// Where the segments are files. Only a file system in memory, on one machine, makes sense.
  std::string folder = "/dev/shm";

  // --- what a creator decides for all
  // -------------------------------------------------------------

  /// Json objects that are set become nested dicts that are shared themselves; see
  /// SharedDict::nested().
  bool recurse = false;

  /// The creator's close() or destruction unlinks the dict. Who is attached goes on using it.
  bool auto_unlink = true;

  /// Of the segments. Attaching to what another user owns, or what others may write beyond this,
  /// throws kRefused.
  unsigned permissions = 0600;

  /// No segment grows beyond so many bytes; a write that would need it throws kResourceLimit and
  /// changes nothing. While a dump is written, two segments exist.
  std::size_t most_bytes = std::size_t{1} << 30U;

  /// The least room for the stream of changes between two dumps. It grows with the dict. Two
  /// mebibytes are some 50,000 small changes: a dump is then a tenth of what they cost together,
  /// and who attaches late reads them in milliseconds.
  std::size_t buffer_bytes = std::size_t{2} << 20U;

  // --- what each one decides for itself
  // -----------------------------------------------------------

  /// Nothing: JSON when it is made; when attaching, the one it was made with, if that is json,
  /// cbor or msgpack. Any other than what it was made with throws kConflict.
  std::optional<SharedSerializer> serializer;

  /// How long a write waits for the lock before it throws kTimeout, naming the holder. Nothing: for
  /// ever. The dead are not waited for in either case.
  std::optional<std::chrono::milliseconds> lock_timeout;
};

}  // namespace h5flume
