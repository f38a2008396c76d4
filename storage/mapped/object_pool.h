#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/mapped/container.h"
#include "storage/mapped/pack.h"

namespace h5flume {

/// Structs of any types, packed one after the other, that can be looked at while more are added.
///
///   ObjectPool pool;
///   const auto handle = pool.add(sample);
///   pool.unpack<Sample>(handle).label();      // stays valid while the pool grows
///   pool.dump("pool");                        // and ObjectPool::open("pool") has the same handles
///
/// Memory grows by whole sections that never move. A pool that was opened from a file can be added
/// to; that file stays as it is.
///
/// Lifetime: views borrow the pool. Threads: any number may unpack at once, as long as nobody adds.
class ObjectPool {
 public:
  /// Where an object is: in the pool, and in every dump of it.
  using Handle = std::uint64_t;

  /// With sections of `section_bytes`; an object that is larger gets a section of its own.
  explicit ObjectPool(std::size_t section_bytes = std::size_t{1} << 20U);

  /// Throws as MappedArray::open() does.
  static ObjectPool open(const std::string& path, const MappedOpenOptions& options = {});

  /// Packs a struct. Throws kInvalidArgument for a text that is not UTF-8.
  template <mapped::Fielded T>
  Handle add(const T& value) {
    return add_packed(mapped::pack(value));
  }

  /// Adds what mapped::pack() made, without looking into it.
  Handle add_packed(std::span<const std::byte> object);

  /// Looks at an object. Throws kInvalidArgument for a handle beyond the end, kCorruptData where no
  /// object begins, kUnsupported for one of another type.
  template <mapped::Fielded T>
  mapped::View<T> unpack(Handle handle) const {
    return mapped::unpack_from<T>(bytes_from(handle));
  }

  /// Bytes in use.
  std::uint64_t size_bytes() const noexcept;

  /// Writes all objects to a file, which appears whole or not at all.
  void dump(const std::string& path) const;

 private:
  struct Section {
    Handle first = 0;
    std::span<const std::byte> used;
    std::unique_ptr<std::byte[]> memory;  // none if the bytes are a mapped file's
    std::size_t capacity = 0;
  };

  std::span<const std::byte> bytes_from(Handle handle) const;
  Section& section_for(std::size_t object_bytes);

  std::size_t section_bytes_;
  std::shared_ptr<const mapped::Container> file_;
  std::vector<Section> sections_;  // their handles rise
};

}  // namespace h5flume
