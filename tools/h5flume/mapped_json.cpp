#include "tools/h5flume/mapped_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "storage/mapped/key_index.h"
#include "storage/mapped/types.h"

namespace h5flume::cli {
namespace {

using namespace mapped;
using Json = nlohmann::ordered_json;

std::string hexadecimal(std::span<const std::byte> bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

std::string iso_date(std::chrono::sys_days date) {
  const std::chrono::year_month_day day(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string iso_time(const DateTime& time) {
  const auto local = time.utc + time.offset.value_or(std::chrono::seconds(0));
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::hh_mm_ss clock(local - day);
  std::string text =
      fmt::format("{}T{:02}:{:02}:{:02}.{:06}", iso_date(day), clock.hours().count(),
                  clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
  if (!time.offset) return text;
  const auto minutes = std::chrono::abs(std::chrono::floor<std::chrono::minutes>(*time.offset));
  return text + fmt::format("{}{:02}:{:02}", time.offset->count() < 0 ? '-' : '+',
                            minutes.count() / 60, minutes.count() % 60);
}

// Reads values by a schema that is known only now.
class JsonReader {
 public:
  JsonReader(const Schema& schema, const Region& region)
      : schema_(schema), region_(region), values_left_(region.size() + kLeastAllowance) {}

  Json read(const Type& type, const std::byte* slot) {
    if (values_left_-- == 0 || depth_ >= kDeepest) {
      region_.throw_corrupt("its values contain each other without end");
    }
    ++depth_;
    Json json = read_kind(type, slot);
    --depth_;
    return json;
  }

 private:
  static constexpr std::uint64_t kLeastAllowance = 1U << 16U;
  static constexpr unsigned kDeepest = 300;

  template <class T>
  Json plain(const std::byte* slot) const {
    static const Plan plan;
    return Codec<T>::read(region_, slot, plan);
  }

  Json read_kind(const Type& type, const std::byte* slot) {
    static const Plan kNoPlan;
    switch (type.kind) {
      case Kind::kBool:
        return plain<bool>(slot);
      case Kind::kInt8:
        return plain<std::int8_t>(slot);
      case Kind::kInt16:
        return plain<std::int16_t>(slot);
      case Kind::kInt32:
        return plain<std::int32_t>(slot);
      case Kind::kInt64:
        return plain<std::int64_t>(slot);
      case Kind::kUInt8:
        return plain<std::uint8_t>(slot);
      case Kind::kUInt16:
        return plain<std::uint16_t>(slot);
      case Kind::kUInt32:
        return plain<std::uint32_t>(slot);
      case Kind::kUInt64:
        return plain<std::uint64_t>(slot);
      case Kind::kFloat32:
        return plain<float>(slot);
      case Kind::kFloat64:
        return plain<double>(slot);
      case Kind::kText:
        return plain<std::string>(slot);
      case Kind::kBytes:
        return hexadecimal(read_bytes(region_, slot));
      case Kind::kLongText:
        return Codec<LongText>::read(region_, slot, kNoPlan).str();
      case Kind::kDecimal:
        return Codec<Decimal>::read(region_, slot, kNoPlan).text();
      case Kind::kDate:
        return iso_date(Codec<std::chrono::sys_days>::read(region_, slot, kNoPlan));
      case Kind::kDateTime:
        return iso_time(Codec<DateTime>::read(region_, slot, kNoPlan));
      case Kind::kStruct:
        return read_struct(schema_.structures[type.structure], slot);
      case Kind::kList:
      case Kind::kSet:
        return read_list(type.arguments[0], slot);
      case Kind::kDict:
        return read_dict(type, slot);
      case Kind::kReference:
        return read_reference(type.arguments[0], slot);
      case Kind::kNdArray:
        return read_array(type.arguments[0], slot);
      case Kind::kAny:
        return read_any(slot);
    }
    region_.throw_corrupt("a value has no known type");
  }

  Json read_struct(const Structure& structure, const std::byte* record) {
    const auto bit = [&](std::int32_t number) {
      return number < 0 || (load<std::uint8_t>(record + number / 8) >> (number % 8) & 1U) != 0;
    };
    Json object = Json::object();
    for (const auto& field : structure.fields) {
      if (!bit(field.set_bit)) continue;
      object[field.name] = bit(field.value_bit) ? read(field.type, record + field.offset) : Json();
    }
    return object;
  }

  Json read_elements(const Type& type, std::uint64_t offset, std::uint64_t count) {
    const std::uint64_t stride = slot_bytes(schema_, type);
    const auto* at = region_.array_at(offset, count, stride);
    Json array = Json::array();
    for (std::uint64_t i = 0; i < count; ++i) array.push_back(read(type, at + i * stride));
    return array;
  }
  Json read_list(const Type& element, const std::byte* slot) {
    return read_elements(element, load<std::uint64_t>(slot), load<std::uint64_t>(slot + 8));
  }

  // Keys need not be texts, so that a dict is a list of pairs unless they are.
  Json read_dict(const Type& type, const std::byte* slot) {
    const auto offset = load<std::uint64_t>(slot);
    const auto count = load<std::uint64_t>(slot + 8);
    const Json keys = read_elements(type.arguments[0], offset, count);
    const std::uint64_t key_bytes = count * slot_bytes(schema_, type.arguments[0]);
    Json values = read_elements(type.arguments[1], offset + (key_bytes + 7) / 8 * 8, count);
    const bool by_text = type.arguments[0].kind == Kind::kText;
    Json json = by_text ? Json::object() : Json::array();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (by_text) {
        json[keys[i].get<std::string>()] = std::move(values[i]);
      } else {
        json.push_back({keys[i], std::move(values[i])});
      }
    }
    return json;
  }

  Json read_reference(const Type& type, const std::byte* slot) {
    const auto stored = load<std::uint64_t>(slot);
    if (stored == 0) return {};
    if (std::find(open_.begin(), open_.end(), stored) != open_.end()) {
      return {{"reference", stored - 1}};
    }
    open_.push_back(stored);
    Json json = read(type, region_.at(stored - 1, slot_bytes(schema_, type)));
    open_.pop_back();
    return json;
  }

  Json read_array(const Type& element, const std::byte* slot) {
    const auto offset = load<std::uint64_t>(slot);
    const auto rank = load<std::uint64_t>(slot + 8);
    const auto* axes = region_.array_at(offset, rank, sizeof(std::uint64_t));
    std::uint64_t count = 1;
    Json shape = Json::array();
    for (std::uint64_t i = 0; i < rank; ++i) {
      shape.push_back(load<std::uint64_t>(axes + i * 8));
      if (__builtin_mul_overflow(count, load<std::uint64_t>(axes + i * 8), &count)) {
        region_.throw_corrupt("an n-d array is too large");
      }
    }
    return {{"shape", std::move(shape)},
            {"values", read_elements(element, offset + rank * 8, count)}};
  }

  Json read_any(const std::byte* slot) {
    static const Type kAny{Kind::kAny};
    static const std::vector<Type> kAlternatives{{},
                                                 {Kind::kBool},
                                                 {Kind::kInt64},
                                                 {Kind::kUInt64},
                                                 {Kind::kFloat64},
                                                 {Kind::kText},
                                                 {Kind::kBytes},
                                                 {Kind::kList, 0, {kAny}},
                                                 {Kind::kDict, 0, {{Kind::kText}, kAny}}};
    const auto alternative = AnyView(region_, slot).alternative();
    if (alternative == 0) return {};
    return read(kAlternatives[alternative], slot + AnyView::kPayload);
  }

  const Schema& schema_;
  const Region& region_;
  std::uint64_t values_left_;
  unsigned depth_ = 0;
  std::vector<std::uint64_t> open_;  // the references that are being followed
};

// --- maps
// -----------------------------------------------------------------------------------------

Json key_to_json(const Container&, std::uint64_t key) { return key; }

Json key_to_json(const Container& container, std::string_view key) {
  if (container.kind() != ContainerKind::kObjectMap) return std::string(key);
  const Schema schema = decode_schema(container.section(SectionKind::kKeySchema));
  const Region region(as_raw(key), container.name());
  return JsonReader(schema, region)
      .read(schema.root, region.at(0, slot_bytes(schema, schema.root)));
}

// Calls `use` with the index of a map, whatever its keys are.
template <class Use>
void with_index(const Container& container, Use&& use) {
  switch (container.kind()) {
    case ContainerKind::kArray:
    case ContainerKind::kPool:
      return;
    case ContainerKind::kIntegerMap:
      return use(KeyIndex<IntegerKeys>(container));
    case ContainerKind::kTextMap:
    case ContainerKind::kObjectMap:
      return use(KeyIndex<TextKeys>(container));
    case ContainerKind::kApproximateMap:
      return use(KeyIndex<HashedKeys>(container));
  }
  container.throw_corrupt("it is a container of no known kind");
}

}  // namespace

Json record_to_json(const Container& container, std::uint64_t record) {
  const Schema& schema = container.schema();
  if (record >= container.counts().records) {
    container.throw_corrupt("its index names a value it lacks");
  }
  const Region heap(container.section(SectionKind::kHeap), container.name());
  const auto& [first, stride] = container.values();
  return JsonReader(schema, heap).read(schema.root, first + record * stride);
}

void for_each_entry(const Container& container, const std::function<bool(const Json&)>& show) {
  const bool ids = container.has(ContainerFlags::kIds);
  const bool in_entries = container.has(ContainerFlags::kValuesInEntries);
  with_index(container, [&](const auto& index) {
    for (std::uint64_t i = 0; i < index.size(); ++i) {
      Json line{{"key", key_to_json(container, index.key(i))}};
      if (ids) {
        line["id"] = index.value(i);
      } else {
        line["value"] = record_to_json(container, in_entries ? i : index.value(i));
      }
      if (!show(line)) return;
    }
  });
}

void verify_index(const Container& container) {
  const bool has_numbers = !container.has(ContainerFlags::kIds | ContainerFlags::kValuesInEntries);
  with_index(container, [&](const auto& index) {
    index.verify();
    for (std::uint64_t i = 0; has_numbers && i < index.size(); ++i) {
      if (index.value(i) >= container.counts().records) {
        container.throw_corrupt("its index names a value it lacks");
      }
    }
  });
}

}  // namespace h5flume::cli
