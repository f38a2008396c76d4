#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/build_options.h"
#include "storage/mapped/column.h"
#include "storage/mapped/container.h"
#include "storage/mapped/container_writer.h"
#include "storage/mapped/index_iterator.h"
#include "storage/mapped/record_writer.h"
#include "storage/mapped/value_array.h"

namespace h5flume {

/// Builds a MappedArray value by value: it may be larger than memory.
///
///   MappedArrayBuilder<Sample> builder("samples.array");
///   while (const auto* sample = source.next()) builder.append(*sample);
///   std::move(builder).finish();       // samples.array is there, whole; until now it was not
///
/// Destruction without finish() leaves the destination as it was. Threads: one.
template <class T>
class MappedArrayBuilder {
 public:
  /// Throws kNotFound, kIo and so on, naming the path.
  explicit MappedArrayBuilder(const std::string& path, const MappedBuildOptions& options = {})
      : MappedArrayBuilder(mapped::to_file(path), options) {}

  MappedArrayBuilder(std::unique_ptr<mapped::Destination> destination,
                     const MappedBuildOptions& options)
      : container_(std::make_unique<mapped::ContainerWriter>(std::move(destination),
                                                             mapped::ContainerKind::kArray,
                                                             mapped::schema_of<T>(), options)),
        records_(*container_) {}

  /// Throws kInvalidArgument for a text that is not UTF-8, kOutOfMemory for a full disk, kIo.
  void append(const T& value) { records_.append(value); }
  void append(std::span<const T> values) { records_.append(values); }

  std::uint64_t size() const noexcept { return records_.count(); }

  /// Publishes the array.
  void finish() && {
    const auto count = records_.count();
    records_.finish();
    container_->finish({.records = count});
  }

 private:
  std::unique_ptr<mapped::ContainerWriter> container_;
  mapped::RecordWriter<T> records_;
};

/// An array of values in a file, read where they lie: opened in microseconds whatever its size.
///
///   MappedArray<Sample>::build("samples.array", samples);        // any input range
///   const auto array = MappedArray<Sample>::open("samples.array");
///   array[7].label();                                            // see mapped::View
///   for (const float weight : array.column<&Sample::weight>()) ...
///
/// T is a struct with H5FLUME_FIELDS, or any type that has a mapped::Codec. A file that was written
/// with other fields is read by their names.
///
/// Lifetime: a handle; copies share the mapping, which lives as long as one of them, whatever
/// becomes of the file's name. Views borrow from it. Threads: may be read by any number at once,
/// without locks.
template <class T>
class MappedArray {
 public:
  using Value = typename mapped::Codec<T>::View;
  using value_type = Value;

  /// Writes all values of an input range or generator to `path`.
  template <std::ranges::input_range Values>
  static void build(const std::string& path, Values&& values,
                    const MappedBuildOptions& options = {}) {
    fill(MappedArrayBuilder<T>(path, options), values);
  }

  /// The same in memory: the bytes of the file.
  template <std::ranges::input_range Values>
  static std::vector<std::byte> build_bytes(Values&& values,
                                            const MappedBuildOptions& options = {}) {
    std::vector<std::byte> bytes;
    fill(MappedArrayBuilder<T>(mapped::to_memory(bytes), options), values);
    return bytes;
  }

  /// Throws kNotFound, kIo and so on; kCorruptData for a file that is no whole array, kUnsupported
  /// for one that cannot be read as values of T, with the reason.
  static MappedArray open(const std::string& path, const MappedOpenOptions& options = {}) {
    return MappedArray(mapped::Container::open(path, options));
  }

  /// An array that is a part of an open file, which may be closed afterwards. `name` is for
  /// messages.
  static MappedArray open(int descriptor, std::uint64_t offset, std::uint64_t length,
                          const std::string& name, const MappedOpenOptions& options = {}) {
    return MappedArray(mapped::Container::open(descriptor, offset, length, name, options));
  }

  /// Bytes in memory, at any address. They must outlive the array, unless `owner` keeps them.
  static MappedArray from_bytes(std::span<const std::byte> bytes,
                                std::shared_ptr<const void> owner = nullptr,
                                const MappedOpenOptions& options = {}) {
    return MappedArray(
        mapped::Container::from_bytes(bytes, std::move(owner), "an array in memory", options));
  }

  std::uint64_t size() const noexcept { return values_->size(); }
  bool empty() const noexcept { return size() == 0; }

  /// Throws kInvalidArgument beyond the last value.
  Value operator[](std::uint64_t index) const { return values_->at(index); }

  using Iterator = mapped::IndexIterator<mapped::ValueArray<T>>;
  Iterator begin() const noexcept { return {*values_, 0}; }
  Iterator end() const noexcept { return {*values_, size()}; }

  /// One field of all values, as fast as memory can be read. For numbers that are neither optional
  /// nor settable; others are read from the views.
  template <auto Member>
  auto column() const {
    return values_->template column<Member>();
  }

  /// All values as they lie in the file, of a struct of integers and floats that leave no bytes
  /// between them, whose fields the file has in the same order. They expire with the last handle.
  /// Throws kUnsupported if T is another struct, the file has other fields, or the bytes in memory
  /// were given at an address that is not right for a T.
  std::span<const T> in_place() const { return values_->in_place(); }

  const mapped::Container& container() const noexcept { return values_->container(); }

  /// Reads the whole file into memory, as far as there is room: see mapped::Container.
  void preload() const noexcept { container().preload(); }

 private:
  explicit MappedArray(std::shared_ptr<const mapped::Container> container)
      : values_(std::make_shared<const mapped::ValueArray<T>>(std::move(container))) {
    values_->container().require(mapped::ContainerKind::kArray);
  }

  template <class Values>
  static void fill(MappedArrayBuilder<T> builder, Values& values) {
    for (const T& value : values) builder.append(value);
    std::move(builder).finish();
  }

  std::shared_ptr<const mapped::ValueArray<T>> values_;
};

}  // namespace h5flume
