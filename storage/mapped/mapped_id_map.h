#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/map_file.h"

namespace h5flume {

namespace mapped {

/// An index whose entries hold ids in place of the numbers of records.
template <class K>
class IdFile {
 public:
  using Traits = KeyTraits<K>;

  explicit IdFile(std::shared_ptr<const Container> container)
      : container_(std::move(container)), index_(*container_) {}

  const Container& container() const noexcept { return *container_; }
  const typename Traits::Index& index() const noexcept { return index_; }
  typename Traits::View key_at(std::uint64_t entry) const {
    return Traits::view(*container_, index_.key(entry));
  }
  std::uint64_t value_at(std::uint64_t entry) const noexcept { return index_.value(entry); }

 private:
  std::shared_ptr<const Container> container_;
  typename Traits::Index index_;
};

}  // namespace mapped

/// A map from keys to 64-bit ids, without values: for those that are kept elsewhere, as rows of a
/// dataset are. Keys may repeat: find() gives the first id, equal_range() all of them, in the order
/// in which they came.
///
/// Keys, lifetime and threads are those of MappedMap.
template <class K>
class MappedIdMap {
  using File = mapped::IdFile<K>;
  using Traits = mapped::KeyTraits<K>;

 public:
  using Key = typename Traits::Lookup;
  using Keys = mapped::EntryView<File, mapped::LookAtKey>;
  using Ids = mapped::EntryView<File, mapped::LookAtValue>;
  using Items = mapped::EntryView<File, mapped::LookAtItem>;

  /// Writes all pairs of key and id of an input range or generator to `path`. Repeated keys are
  /// treated as the options say, or all kept if `keep_repeated`.
  template <std::ranges::input_range Pairs>
  static void build(const std::string& path, Pairs&& pairs, const MappedBuildOptions& options = {},
                    bool keep_repeated = false) {
    build_to(mapped::to_file(path), options, keep_repeated,
             [&](auto& index) { add_all(index, pairs); });
  }

  /// The same in memory: the bytes of the file.
  template <std::ranges::input_range Pairs>
  static std::vector<std::byte> build_bytes(Pairs&& pairs, const MappedBuildOptions& options = {},
                                            bool keep_repeated = false) {
    std::vector<std::byte> bytes;
    build_to(mapped::to_memory(bytes), options, keep_repeated,
             [&](auto& index) { add_all(index, pairs); });
    return bytes;
  }

  /// Writes the keys and ids of several maps to `path`, as one map; those of the first come first.
  static void merge(const std::string& path, std::span<const MappedIdMap> maps,
                    const MappedBuildOptions& options = {}, bool keep_repeated = false) {
    build_to(mapped::to_file(path), options, keep_repeated, [&](auto& index) {
      for (const auto& map : maps) add_all(index, map.items());
    });
  }

  /// As MappedMap::open().
  static MappedIdMap open(const std::string& path, const MappedOpenOptions& options = {}) {
    return MappedIdMap(mapped::Container::open(path, options));
  }
  static MappedIdMap open(int descriptor, std::uint64_t offset, std::uint64_t length,
                          const std::string& name, const MappedOpenOptions& options = {}) {
    return MappedIdMap(mapped::Container::open(descriptor, offset, length, name, options));
  }
  static MappedIdMap from_bytes(std::span<const std::byte> bytes,
                                std::shared_ptr<const void> owner = nullptr,
                                const MappedOpenOptions& options = {}) {
    return MappedIdMap(
        mapped::Container::from_bytes(bytes, std::move(owner), "an id map in memory", options));
  }

  /// Number of ids.
  std::uint64_t size() const noexcept { return file_->index().size(); }
  bool empty() const noexcept { return size() == 0; }
  /// Number of different keys.
  std::uint64_t key_count() const noexcept { return file_->container().counts().keys; }

  std::optional<std::uint64_t> find(const Key& key) const {
    const std::uint64_t entry = file_->index().find(Traits::stored(key));
    if (entry == size()) return std::nullopt;
    return file_->value_at(entry);
  }
  bool contains(const Key& key) const { return find(key).has_value(); }
  Ids equal_range(const Key& key) const {
    return {*file_, file_->index().equal_range(Traits::stored(key))};
  }

  /// All entries, in the order of the index: the same in all three.
  Keys keys() const noexcept { return {*file_, {0, size()}}; }
  Ids ids() const noexcept { return {*file_, {0, size()}}; }
  Items items() const noexcept { return {*file_, {0, size()}}; }

  const mapped::Container& container() const noexcept { return file_->container(); }

  /// Reads the whole file into memory, as far as there is room: see mapped::Container.
  void preload() const noexcept { container().preload(); }

  /// As MappedMap::verify().
  void verify() const {
    container().verify();
    file_->index().verify();
  }

 private:
  explicit MappedIdMap(std::shared_ptr<const mapped::Container> container) {
    container->require(Traits::kKind, true);
    Traits::check(*container);
    file_ = std::make_shared<const File>(std::move(container));
  }

  template <class Pairs>
  static void add_all(typename Traits::Writer& index, Pairs&& pairs) {
    for (const auto& [key, id] : pairs) index.add(Traits::stored(key), id);
  }

  template <class Fill>
  static void build_to(std::unique_ptr<mapped::Destination> destination,
                       const MappedBuildOptions& options, bool keep_repeated, Fill&& fill) {
    mapped::ContainerWriter container(std::move(destination), Traits::kKind,
                                      mapped::schema_of<std::uint64_t>(), options);
    auto index = Traits::writer(container, options.memory_budget_bytes / 2);
    fill(index);
    Traits::describe(container);
    const auto counts = std::move(index).finish(
        keep_repeated ? mapped::Repeats::kKeepAll : mapped::repeats_of(options.duplicate_keys));
    container.finish({.entries = counts.entries, .keys = counts.keys},
                     mapped::ContainerFlags::kIds);
  }

  std::shared_ptr<const File> file_;
};

}  // namespace h5flume
