#pragma once

#include <H5Cpp.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/list_writer.h"
#include "readers/hdf5/memory_type_internal.h"
#include "readers/hdf5/value_arena_internal.h"

namespace h5flume::hdf5 {

/// Some elements of variable length between libhdf5, which gives a pointer for each, and a
/// ListWriter.
///
/// The caller holds a LibraryAccess.
class VariableBatch {
 public:
  /// Elements to be read in one call, where rows are small enough. Their values are in memory twice
  /// for as long as that takes.
  static constexpr std::uint64_t kElements = 4096;

  /// Of `element_count` elements, all of them empty. `type` is of variable length and outlives the
  /// batch. Values of more than `limit_bytes` are refused.
  VariableBatch(const MemoryType& type, std::uint64_t element_count, std::size_t limit_bytes);

  /// Reads the elements that are selected. Throws H5::Exception; see also refused_bytes().
  void read(const H5::DataSet& dataset, const H5::DataSpace& memory, const H5::DataSpace& file);

  /// As ValueArena::refused_bytes(), after read() has failed.
  std::uint64_t refused_bytes() const noexcept { return arena_.refused_bytes(); }

  /// Adds the elements to `out`. Throws Error{kCorruptData}, a cause only.
  void append_to(ListWriter& out);

 private:
  const MemoryType* type_;
  ValueArena arena_;
  H5::DSetMemXferPropList transfer_;
  std::vector<char*> texts_;  // one of the two is in use
  std::vector<hvl_t> lists_;
};

}  // namespace h5flume::hdf5
