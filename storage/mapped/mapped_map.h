#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/map_file.h"
#include "storage/mapped/record_writer.h"

namespace h5flume {

/// Builds a map item by item: it may be larger than memory.
///
/// Lifetime: a destruction without finish() leaves the destination as it was. Threads: one.
template <class K, class T>
class MappedMapBuilder {
  using Traits = mapped::KeyTraits<K>;

 public:
  explicit MappedMapBuilder(const std::string& path, const MappedBuildOptions& options = {})
      : MappedMapBuilder(mapped::to_file(path), options) {}

  MappedMapBuilder(std::unique_ptr<mapped::Destination> destination,
                   const MappedBuildOptions& options)
      : options_(options),
        container_(std::make_unique<mapped::ContainerWriter>(std::move(destination), Traits::kKind,
                                                             mapped::schema_of<T>(), options)),
        index_(Traits::writer(*container_, options.memory_budget_bytes / 2)) {
    if (mapped::EntryValueWriter<T>::kPossible && !options.writable) {
      in_entries_.emplace(*container_);
    } else {
      records_.emplace(*container_,
                       options.share_equal_values ? options.memory_budget_bytes / 4 : 0);
    }
  }

  /// Throws kInvalidArgument for a text that is not UTF-8, kOutOfMemory for a full disk, kIo.
  void append(const typename Traits::Lookup& key, const T& value) {
    add(Traits::stored(key), value);
  }

  /// The same with a key as a map shows it, of an approximate one its hash.
  void append_viewed(const typename Traits::View& key, const T& value) {
    add(Traits::stored(key), value);
  }

  /// Sorts and publishes the map. Throws kInvalidArgument for a repeated key, as the options say.
  void finish() && { std::move(*this).finish(mapped::repeats_of(options_.duplicate_keys)); }

  /// The same with every value of a key kept: a multi-map.
  void finish_multi() && { std::move(*this).finish(mapped::Repeats::kKeepAll); }

 private:
  template <class Stored>
  void add(const Stored& key, const T& value) {
    index_.add(key, in_entries_ ? in_entries_->append(value) : records_->append(value));
  }

  void finish(mapped::Repeats repeats) && {
    in_entries_ ? in_entries_->finish() : records_->finish();
    Traits::describe(*container_);
    const auto counts = std::move(index_).finish(repeats);
    container_->finish(
        {.records = in_entries_ ? counts.entries : records_->count(),
         .entries = counts.entries,
         .keys = counts.keys},
        in_entries_ ? mapped::ContainerFlags::kValuesInEntries : mapped::ContainerFlags::kNone);
  }

  MappedBuildOptions options_;
  std::unique_ptr<mapped::ContainerWriter> container_;
  typename Traits::Writer index_;
  std::optional<mapped::EntryValueWriter<T>> in_entries_;  // one of the two is there
  std::optional<mapped::RecordWriter<T>> records_;
};

namespace mapped {

/// What MappedMap and MappedMultiMap share; `Map` is one of them.
template <class Map, class K, class T>
class MapInterface {
 public:
  using Traits = KeyTraits<K>;
  using File = MapFile<K, T>;
  using Key = typename Traits::Lookup;
  using KeyView = typename Traits::View;
  using Value = typename File::Value;
  using Keys = EntryView<File, LookAtKey>;
  using Values = EntryView<File, LookAtValue>;
  using Items = EntryView<File, LookAtItem>;

  /// Writes all pairs of an input range or generator to `path`.
  template <std::ranges::input_range Pairs>
  static void build(const std::string& path, Pairs&& pairs,
                    const MappedBuildOptions& options = {}) {
    Map::fill(MappedMapBuilder<K, T>(path, options), pairs);
  }

  /// The same in memory: the bytes of the file.
  template <std::ranges::input_range Pairs>
  static std::vector<std::byte> build_bytes(Pairs&& pairs, const MappedBuildOptions& options = {}) {
    std::vector<std::byte> bytes;
    Map::fill(MappedMapBuilder<K, T>(to_memory(bytes), options), pairs);
    return bytes;
  }

  /// Throws kNotFound, kIo and so on; kCorruptData for a file that is no whole map, kUnsupported
  /// for one that cannot be read as a map from K to T, with the reason.
  static Map open(const std::string& path, const MappedOpenOptions& options = {}) {
    return Map(Container::open(path, options));
  }
  /// A map that is a part of an open file, which may be closed afterwards. `name` is for messages.
  static Map open(int descriptor, std::uint64_t offset, std::uint64_t length,
                  const std::string& name, const MappedOpenOptions& options = {}) {
    return Map(Container::open(descriptor, offset, length, name, options));
  }
  /// Bytes in memory, at any address. They must outlive the map, unless `owner` keeps them.
  static Map from_bytes(std::span<const std::byte> bytes,
                        std::shared_ptr<const void> owner = nullptr,
                        const MappedOpenOptions& options = {}) {
    return Map(Container::from_bytes(bytes, std::move(owner), "a map in memory", options));
  }

  /// Writes the items of several maps to `path`, as one map; those of the first come first.
  static void merge(const std::string& path, std::span<const Map> maps,
                    const MappedBuildOptions& options = {}) {
    MappedMapBuilder<K, T> builder(path, options);
    for (const Map& map : maps) {
      for (const auto& [key, value] : map.items()) builder.append_viewed(key, cloned(value));
    }
    Map::finish(std::move(builder));
  }

  bool contains(const Key& key) const { return file_->find(key) != file_->index().size(); }

  /// All entries, in the order of the index: the same in all three.
  Keys keys() const noexcept { return {*file_, all()}; }
  Values values() const noexcept { return {*file_, all()}; }
  Items items() const noexcept { return {*file_, all()}; }

  /// The values where they lie, for passes over all of them: those of up to 8 bytes in the order of
  /// the index, unless the map is writable; others in the order in which they came, shared ones
  /// once.
  const ValueArray<T>& array() const noexcept { return file_->values(); }

  const Container& container() const noexcept { return file_->container(); }

  /// Reads the whole file into memory, as far as there is room: see mapped::Container.
  void preload() const noexcept { container().preload(); }

  /// Compares all checksums, and looks whether every entry is where a lookup finds it. Throws
  /// kCorruptData.
  void verify() const {
    container().verify();
    file_->index().verify();
  }

 protected:
  explicit MapInterface(std::shared_ptr<const Container> container) {
    container->require(Traits::kKind);
    Traits::check(*container);
    file_ = std::make_shared<const File>(std::move(container));
  }

  EntryRange all() const noexcept { return {0, file_->index().size()}; }
  const File& file() const noexcept { return *file_; }

  template <class Builder, class Pairs>
  static void fill_with(Builder& builder, Pairs& pairs) {
    for (const auto& [key, value] : pairs) builder.append(key, value);
  }

 private:
  static T cloned(const Value& value) {
    static const std::string kName = "a map that is merged";
    const Region nowhere({}, kName);
    Cloner cloner{nowhere, kNoLimit};
    return Codec<T>::clone(cloner, value);
  }
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  std::shared_ptr<const File> file_;
};

}  // namespace mapped

/// A map from keys to values in a file, read where it lies: opened in microseconds whatever its
/// size, looked up without copying, locking or allocating; with a struct key once in each thread.
///
///   MappedMap<std::string, Sample>::build("samples.map", pairs);   // any input range of pairs
///   const auto map = MappedMap<std::string, Sample>::open("samples.map");
///   if (const auto sample = map.find("cat_0001.png")) use(sample->weight());
///
/// K is an unsigned integer, std::string, or a struct with H5FLUME_FIELDS. Keys are compared whole.
///
/// Lifetime: a handle; copies share the mapping, which lives as long as one of them, whatever
/// becomes of the file's name. Views borrow from it. Threads: may be read by any number at once.
template <class K, class T>
class MappedMap : public mapped::MapInterface<MappedMap<K, T>, K, T> {
  using Base = mapped::MapInterface<MappedMap, K, T>;

 public:
  using typename Base::Key;
  using typename Base::Value;

  /// Number of keys.
  std::uint64_t size() const noexcept { return this->file().index().size(); }
  bool empty() const noexcept { return size() == 0; }

  std::optional<Value> find(const Key& key) const {
    const std::uint64_t entry = this->file().find(key);
    if (entry == size()) return std::nullopt;
    return this->file().value_at(entry);
  }

  /// Throws kNotFound, naming the key.
  Value at(const Key& key) const {
    const std::uint64_t entry = this->file().find(key);
    if (entry == size()) throw_missing(key);
    return this->file().value_at(entry);
  }

 private:
  friend Base;
  explicit MappedMap(std::shared_ptr<const mapped::Container> container)
      : Base(std::move(container)) {}

  [[noreturn]] void throw_missing(const Key& key) const {
    throw Error(ErrorCode::kNotFound, "look into " + this->container().name() + ": the key " +
                                          mapped::KeyTraits<K>::name(key) + " is not there");
  }

  static void finish(MappedMapBuilder<K, T> builder) { std::move(builder).finish(); }
  template <class Pairs>
  static void fill(MappedMapBuilder<K, T> builder, Pairs& pairs) {
    Base::fill_with(builder, pairs);
    std::move(builder).finish();
  }
};

/// As MappedMap, with any number of values for a key; they are kept in the order in which they
/// came. A file that was written as one of the two can be opened as the other: as a MappedMap, it
/// gives the first value of each key.
template <class K, class T>
class MappedMultiMap : public mapped::MapInterface<MappedMultiMap<K, T>, K, T> {
  using Base = mapped::MapInterface<MappedMultiMap, K, T>;

 public:
  using typename Base::Key;
  using typename Base::Values;

  /// Number of values that keys have: a value that two keys share counts twice.
  std::uint64_t size() const noexcept { return this->file().index().size(); }
  bool empty() const noexcept { return size() == 0; }
  /// Number of different keys.
  std::uint64_t key_count() const noexcept { return this->container().counts().keys; }

  /// All values of a key; none if it is not there.
  Values equal_range(const Key& key) const { return {this->file(), this->file().equal_range(key)}; }
  std::uint64_t count(const Key& key) const { return this->file().equal_range(key).size(); }

 private:
  friend Base;
  explicit MappedMultiMap(std::shared_ptr<const mapped::Container> container)
      : Base(std::move(container)) {}

  static void finish(MappedMapBuilder<K, T> builder) { std::move(builder).finish_multi(); }
  template <class Pairs>
  static void fill(MappedMapBuilder<K, T> builder, Pairs& pairs) {
    Base::fill_with(builder, pairs);
    std::move(builder).finish_multi();
  }
};

}  // namespace h5flume
