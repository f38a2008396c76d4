#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "storage/mapped/codec.h"

namespace h5flume {

/// A moment, to the microsecond, and how far local time was from UTC where it was written down. The
/// offset is nothing for a time of an unknown zone; `utc` is then that time itself.
struct DateTime {
  std::chrono::sys_time<std::chrono::microseconds> utc{};
  std::optional<std::chrono::seconds> offset;

  bool operator==(const DateTime&) const = default;
};

namespace mapped {

/// i32 days since 1970-01-01, negative before.
template <>
struct Codec<std::chrono::sys_days> {
  static constexpr std::size_t kBytes = sizeof(std::int32_t);
  static constexpr std::size_t kAlignment = sizeof(std::int32_t);
  using View = std::chrono::sys_days;

  static Type describe(SchemaBuilder&) { return {Kind::kDate}; }
  static void write(Packer&, std::byte* slot, std::chrono::sys_days date) {
    store(slot, static_cast<std::int32_t>(date.time_since_epoch().count()));
  }
  static View read(const Region&, const std::byte* slot, const Plan&) {
    return View(std::chrono::days(load<std::int32_t>(slot)));
  }
  static View clone(Cloner&, View date) { return date; }
};

/// i64 microseconds since 1970-01-01 UTC, i32 seconds east of UTC or the least i32, u32 zero.
template <>
struct Codec<DateTime> {
  static constexpr std::size_t kBytes = 16;
  static constexpr std::size_t kAlignment = 8;
  using View = DateTime;

  static Type describe(SchemaBuilder&) { return {Kind::kDateTime}; }
  static void write(Packer&, std::byte* slot, const DateTime& time) {
    store(slot, std::int64_t{time.utc.time_since_epoch().count()});
    store(slot + 8, time.offset ? static_cast<std::int32_t>(time.offset->count()) : kUnknownZone);
  }
  static View read(const Region&, const std::byte* slot, const Plan&) {
    const auto offset = load<std::int32_t>(slot + 8);
    DateTime time{View{}.utc + std::chrono::microseconds(load<std::int64_t>(slot)), {}};
    if (offset != kUnknownZone) time.offset = std::chrono::seconds(offset);
    return time;
  }
  static View clone(Cloner&, const View& time) { return time; }

 private:
  static constexpr std::int32_t kUnknownZone = std::numeric_limits<std::int32_t>::min();
};

}  // namespace mapped
}  // namespace h5flume
