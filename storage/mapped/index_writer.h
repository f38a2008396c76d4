#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "storage/mapped/build_options.h"
#include "storage/mapped/container_writer.h"
#include "storage/mapped/key_index.h"

namespace h5flume::mapped {

/// How many entries an index has, of how many different keys.
struct IndexCounts {
  std::uint64_t entries = 0;
  std::uint64_t keys = 0;
};

/// What becomes of keys that come more than once.
enum class Repeats { kRefuse, kKeepFirst, kKeepLast, kKeepAll };
Repeats repeats_of(DuplicateKeys policy) noexcept;

/// Collects the entries of an index whose keys are integers, sorts them in bounded memory, and
/// writes its sections.
///
/// Threads: one.
class IntegerIndexWriter {
 public:
  enum class Order { kByHashOfKey, kByKey };  ///< kByKey: the keys are hashes already

  IntegerIndexWriter(ContainerWriter& container, Order order, std::size_t memory_bytes);
  IntegerIndexWriter(IntegerIndexWriter&&) noexcept;
  ~IntegerIndexWriter();

  void add(std::uint64_t key, std::uint64_t value);

  /// Writes the sections, after whatever the container has so far. Throws kInvalidArgument, naming
  /// the key, where a key is repeated and must not be.
  IndexCounts finish(Repeats repeats) &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same for keys that are texts or other bytes.
class TextIndexWriter {
 public:
  TextIndexWriter(ContainerWriter& container, std::size_t memory_bytes);
  TextIndexWriter(TextIndexWriter&&) noexcept;
  ~TextIndexWriter();

  void add(std::string_view key, std::uint64_t value);
  IndexCounts finish(Repeats repeats) &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace h5flume::mapped
