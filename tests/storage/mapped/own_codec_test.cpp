#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/mapped/mapped_array.h"
#include "storage/mapped/pack.h"
#include "tests/support/catch.h"

// A type that the library does not know, stored on top of one that it does.
namespace h5flume::test {

struct Celsius {
  double degrees = 0;
  bool operator==(const Celsius&) const = default;
};

}  // namespace h5flume::test

namespace h5flume::mapped {

// In the file: a tenth of a Kelvin, in 16 bits. Each value passes through here when it is packed,
// looked at and cloned.
template <>
struct Codec<test::Celsius> : Codec<std::uint16_t> {
  using View = test::Celsius;

  static void write(Packer& packer, std::byte* slot, test::Celsius value) {
    Codec<std::uint16_t>::write(packer, slot,
                                static_cast<std::uint16_t>((value.degrees + 273.5) * 10));
  }
  static View read(const Region& region, const std::byte* slot, const Plan& plan) {
    return {Codec<std::uint16_t>::read(region, slot, plan) / 10.0 - 273.5};
  }
  static View clone(Cloner&, View value) { return value; }
};

}  // namespace h5flume::mapped

namespace h5flume::test {
namespace {

struct Reading {
  std::string place;
  Celsius outside;
  std::vector<Celsius> inside;
  std::optional<Celsius> water;
  bool operator==(const Reading&) const = default;
};
H5FLUME_FIELDS(Reading, place, outside, inside, water);

}  // namespace

TEST_CASE("a type of one's own goes through its codec when it is packed, seen and cloned",
          "[storage][mapped][types]") {
  const Reading reading{"roof", {-10.5}, {{20}, {21.5}}, Celsius{4}};
  const auto bytes = mapped::pack(reading);
  const auto view = mapped::unpack_from<Reading>(bytes);
  CHECK(view.outside() == Celsius{-10.5});
  CHECK(view.inside()[1] == Celsius{21.5});
  CHECK(view.water() == Celsius{4});
  CHECK(view.clone() == reading);
}

TEST_CASE("a type of one's own is in the file what it is stored as", "[storage][mapped][types]") {
  const auto bytes = MappedArray<Celsius>::build_bytes(std::vector<Celsius>{{-273.5}, {0}});
  const auto as_stored = MappedArray<std::uint16_t>::from_bytes(bytes);
  CHECK(as_stored[0] == 0);
  CHECK(as_stored[1] == 2735);
}

}  // namespace h5flume::test
