#include "storage/mapped/any.h"

#include <array>
#include <utility>

namespace h5flume::mapped {
namespace {

using Variant = decltype(Any::value);

// An any is always written in one way, whatever the rest of the file is: its plans are constant.
struct Plans {
  Plan any{.bytes = Codec<Any>::kBytes, .fields = {}};
  Plan text{.bytes = kTextSlotBytes, .fields = {}};
  Plan list{.bytes = kListSlotBytes, .fields = {}, .arguments = {&any}};
  Plan dict{.bytes = kListSlotBytes, .fields = {}, .arguments = {&text, &any}};
};

}  // namespace

std::size_t AnyView::alternative() const {
  const auto place = load<std::uint8_t>(slot_);
  if (place >= std::variant_size_v<Variant>) region_.throw_corrupt("a value has no known type");
  return place;
}

const Plan& AnyView::plan_of(std::size_t alternative) {
  static const Plans plans;
  if (alternative == place_of<Any::List>()) return plans.list;
  if (alternative == place_of<Any::Dict>()) return plans.dict;
  return plans.text;
}

void AnyView::throw_other_type() {
  throw Error(ErrorCode::kInvalidArgument, "read an any-field: its value has another type");
}

Any AnyView::clone(Cloner& cloner) const {
  if (cloner.depth_left == 0) region_.throw_corrupt("its values contain each other without end");
  cloner.spend(1);
  --cloner.depth_left;
  Any any;
  const std::size_t own = alternative();
  const auto try_one = [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, std::monostate>) {
      if (own == place_of<T>()) any.value = Codec<T>::clone(cloner, as<T>());
    }
  };
  [&]<class... All>(std::variant<All...>*) {
    (try_one(std::type_identity<All>{}), ...);
  }(static_cast<Variant*>(nullptr));
  ++cloner.depth_left;
  return any;
}

void Codec<Any>::write(Packer& packer, std::byte* slot, const Any& any) {
  store(slot, static_cast<std::uint8_t>(any.value.index()));
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (!std::is_same_v<T, std::monostate>) {
          Codec<T>::write(packer, slot + AnyView::kPayload, value);
        }
      },
      any.value);
}

}  // namespace h5flume::mapped
