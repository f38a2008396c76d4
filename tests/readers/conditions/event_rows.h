#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/element_type.h"
#include "core/error.h"
#include "readers/conditions/row_condition.h"

/// Rows of a table with a field of every kind, to ask conditions about.
namespace h5flume::test {

#pragma pack(push, 1)  // so that fields lie where no processor wants them
struct Event {
  std::uint8_t flag = 0;
  std::int32_t pos = 0;
  double energy = 0;
  float weight = 0;
  std::int64_t id = 0;
  std::uint64_t big = 0;
  char name[5] = {};
  std::int16_t state = 0;
  std::uint16_t half = 0;
  std::uint8_t bit = 0;
  std::uint8_t other_bit = 0;
  struct {
    std::int8_t z = 0;
    std::uint32_t hits = 0;
  } inner;
  double track[2] = {};
};
#pragma pack(pop)

inline ElementType kind_of(ElementKind kind, std::size_t size) {
  ElementType type;
  type.kind = kind;
  type.size = size;
  return type;
}

inline ElementType event_type() {
  ElementType state = element_type_of<std::int16_t>();
  state.kind = ElementKind::kEnum;
  state.members = {{"IDLE", 0}, {"RUN", 1}, {"STOP", -7}};
  ElementType inner = kind_of(ElementKind::kCompound, sizeof Event{}.inner);
  inner.fields = {{"z", 0, element_type_of<std::int8_t>()},
                  {"hits", 1, element_type_of<std::uint32_t>()}};
  ElementType track = kind_of(ElementKind::kArray, sizeof Event{}.track);
  track.base = {element_type_of<double>()};
  track.dims = {2};
  ElementType event = kind_of(ElementKind::kCompound, sizeof(Event));
  event.fields = {{"flag", offsetof(Event, flag), element_type_of<bool>()},
                  {"pos", offsetof(Event, pos), element_type_of<std::int32_t>()},
                  {"energy", offsetof(Event, energy), element_type_of<double>()},
                  {"weight", offsetof(Event, weight), element_type_of<float>()},
                  {"id", offsetof(Event, id), element_type_of<std::int64_t>()},
                  {"big", offsetof(Event, big), element_type_of<std::uint64_t>()},
                  {"name", offsetof(Event, name), kind_of(ElementKind::kString, 5)},
                  {"state", offsetof(Event, state), state},
                  {"half", offsetof(Event, half), kind_of(ElementKind::kFloat, 2)},
                  {"bit", offsetof(Event, bit), element_type_of<std::uint8_t>()},
                  {"other_bit", offsetof(Event, other_bit), element_type_of<std::uint8_t>()},
                  {"inner", offsetof(Event, inner), inner},
                  {"track", offsetof(Event, track), track},
                  {"a b/c", offsetof(Event, pos), element_type_of<std::int32_t>()}};
  return event;
}

inline std::vector<std::uint64_t> matches(const std::string& text, const std::vector<Event>& events,
                                          std::uint64_t first_row = 0) {
  std::vector<std::uint64_t> found;
  RowCondition(text, event_type()).find(std::as_bytes(std::span(events)), first_row, found);
  return found;
}

/// Whether a condition holds for one row.
inline bool holds(const std::string& text, const Event& event = {}) {
  return !matches(text, {event}).empty();
}

/// "invalid_argument: ..." of what making a condition, or asking it about a row, throws.
inline std::string refusal(const std::string& text, const Event& event = {}) {
  try {
    holds(text, event);
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "no error";
}

}  // namespace h5flume::test
