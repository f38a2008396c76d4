#include "storage/mapped/any.h"

#include <cstdint>
#include <random>
#include <string>

#include "storage/mapped/pack.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/storage/mapped/stored_value.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("any-fields say what they are", "[storage][mapped][types][any]") {
  const Any any{Any::Dict{{"null", {}},
                          {"flag", {true}},
                          {"negative", {std::int64_t{-5}}},
                          {"large", {~std::uint64_t{0}}},
                          {"half", {0.5}},
                          {"text", {std::string("a text that is longer than its slot")}},
                          {"bytes", {Any::Bytes{std::byte{1}}}},
                          {"list", {Any::List{{true}, {Any::List{}}}}}}};
  check_comes_back(any);
  const Stored stored(any);
  const auto dict = stored.view().as<Any::Dict>();
  CHECK(dict.at("half").as<double>() == 0.5);
  CHECK(dict.at("text").as<std::string>() == "a text that is longer than its slot");
  CHECK(dict.at("null").is_null());
  CHECK(dict.at("list").as<Any::List>()[0].as<bool>());
  CHECK_THROWS_WITH(dict.at("half").as<std::string>(), contains("another type"));
}

namespace other {

// Bears the name of another struct, and has fields of its own.
struct Box {
  float x = 0;
  double y = 0;
};
H5FLUME_FIELDS(Box, x, y);

}  // namespace other

TEST_CASE("any-fields hold structs that know what they are", "[storage][mapped][types][any]") {
  std::mt19937_64 random(2);
  const Sample sample = random_sample(random);
  const Any any{
      Any::List{mapped::to_any(Box{1, 2}), mapped::to_any(sample), {Any::Bytes{}}, {0.5}}};
  check_comes_back(any);
  const Stored stored(any);
  const auto list = stored.view().as<Any::List>();
  CHECK(mapped::holds<Box>(list[0]));
  CHECK(mapped::unpack_from<Box>(list[0]).y() == 2);
  CHECK(mapped::unpack_from<Sample>(list[1]).clone() == sample);

  CHECK_FALSE(mapped::holds<Sample>(list[0]));
  CHECK_FALSE(mapped::holds<other::Box>(list[0]));
  CHECK_FALSE(mapped::holds<Box>(list[2]));
  CHECK_FALSE(mapped::holds<Box>(list[3]));
  CHECK_THROWS_WITH(mapped::unpack_from<other::Box>(list[0]), contains("with other fields"));
  CHECK_THROWS_WITH(mapped::unpack_from<Box>(list[3]), contains("another type"));
}
