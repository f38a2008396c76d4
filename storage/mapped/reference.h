#pragma once

#include <array>
#include <memory>
#include <typeindex>
#include <utility>

#include "storage/mapped/view.h"

namespace h5flume::mapped {

/// A stored reference to a struct that others may refer to as well; or to none.
///
/// Lifetime: borrows the container. Threads: may be read by several at once.
template <class T>
class ReferenceView {
 public:
  ReferenceView(const Region& region, const std::byte* record, const Plan& plan)
      : region_(region), record_(record), plan_(&plan) {}

  explicit operator bool() const noexcept { return record_ != nullptr; }

  /// What it refers to. Throws kInvalidArgument if that is nothing.
  View<T> operator*() const {
    if (!record_) throw Error(ErrorCode::kInvalidArgument, "follow a reference to nothing");
    return View<T>(region_, record_, *plan_);
  }

  /// Whether both refer to one object, not just to equal ones.
  bool same_as(const ReferenceView& other) const noexcept { return record_ == other.record_; }

  const std::byte* record() const noexcept { return record_; }

 private:
  Region region_;
  const std::byte* record_;
  const Plan* plan_;
};

/// u64: 0 for none, else 1 + the offset of the record. An object to which several pointers of one
/// value lead is stored once, and cloned once: cycles are no matter.
template <class T>
struct Codec<std::shared_ptr<T>> {
  static constexpr std::size_t kBytes = sizeof(std::uint64_t);
  static constexpr std::size_t kAlignment = sizeof(std::uint64_t);
  using View = ReferenceView<T>;

  static Type describe(SchemaBuilder& builder) {
    return {Kind::kReference, 0, {Codec<T>::describe(builder)}};
  }

  static void write(Packer& packer, std::byte* slot, const std::shared_ptr<T>& object) {
    if (!object) return;
    if (const auto known = packer.find_shared(object.get())) return store(slot, *known + 1);
    const std::uint64_t offset = packer.reserve(Codec<T>::kBytes);
    packer.enter_shared(object, offset);
    store(slot, offset + 1);
    std::array<std::byte, Codec<T>::kBytes> record{};
    Codec<T>::write(packer, record.data(), *object);
    packer.write_at(offset, record);
  }

  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    const auto stored = load<std::uint64_t>(slot);
    const Plan& object = *plan.arguments[0];
    return View(region, stored == 0 ? nullptr : region.at(stored - 1, object.bytes), object);
  }

  static std::shared_ptr<T> clone(Cloner& cloner, const View& view) {
    if (!view) return nullptr;
    auto& known = cloner.shared[{view.record(), typeid(T)}];
    if (!known.object) {
      auto object = std::make_shared<T>();
      known = {object, [](void* made) {
                 *static_cast<T*>(made) = T{};
               }};  // before its own references are followed, some of which may lead back
      *object = (*view).clone(cloner);
      return object;
    }
    return std::static_pointer_cast<T>(known.object);
  }
};

}  // namespace h5flume::mapped
