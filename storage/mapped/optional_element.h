#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "storage/mapped/list_view.h"

namespace h5flume::mapped {

/// A value that may be null where it is no field: an element of a list, a value of a dict or of a
/// map. It is stored as a list of one or of none, which takes 16 bytes beside the value.
///
/// A field that may be null takes a bit, and does not come here: record_layout.h.
template <class T>
struct Codec<std::optional<T>> {
  static constexpr std::size_t kBytes = kListSlotBytes;
  static constexpr std::size_t kAlignment = 8;
  using View = std::optional<typename Codec<T>::View>;

  static Type describe(SchemaBuilder& builder) { return Codec<std::vector<T>>::describe(builder); }
  static void write(Packer& packer, std::byte* slot, const std::optional<T>& value) {
    if (value) write_list<T>(packer, slot, std::span<const T>(&*value, 1));
  }
  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    const auto list = Codec<std::vector<T>>::read(region, slot, plan);
    return list.empty() ? View() : View(list.front());
  }
  static std::optional<T> clone(Cloner& cloner, const View& view) {
    cloner.spend(1);
    return view ? std::optional<T>(Codec<T>::clone(cloner, *view)) : std::nullopt;
  }
};

}  // namespace h5flume::mapped
