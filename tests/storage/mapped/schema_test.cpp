#include "storage/mapped/schema.h"

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "storage/mapped/mapped_array.h"
#include "storage/mapped/mapped_map.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;

// One struct in the versions that it has had. A file knows it by its name.
namespace version_1 {

struct Part {
  std::uint16_t size = 1;
};
H5FLUME_FIELDS(Part, size);

struct Record {
  std::string name;
  std::uint32_t count = 0;
  Part part;
  std::vector<Part> parts;
};
H5FLUME_FIELDS(Record, name, count, part, parts);

}  // namespace version_1

namespace version_2 {

struct Part {
  double weight = 2.5;
  std::uint16_t size = 1;
  bool operator==(const Part&) const = default;
};
H5FLUME_FIELDS(Part, weight, size);

struct Record {
  std::string comment = "no comment, as usual";
  std::optional<std::uint32_t> count;
  Settable<std::string> owner;
  std::optional<float> ratio;
  std::string name;
  std::vector<Part> parts;
  std::vector<std::string> tags = {"new"};
  Part part;
};
H5FLUME_FIELDS(Record, comment, count, owner, ratio, name, parts, tags, part);

}  // namespace version_2

namespace incompatible {

struct Part {
  std::int16_t size = 1;
};
H5FLUME_FIELDS(Part, size);

struct Record {
  Part part;
};
H5FLUME_FIELDS(Record, part);

}  // namespace incompatible

namespace strict {

struct Record {
  std::uint32_t count = 0;
};
H5FLUME_FIELDS(Record, count);

}  // namespace strict

namespace conflicting {

struct Box {
  std::string text;
};
H5FLUME_FIELDS(Box, text);

struct Pair {
  Box one;
  h5flume::test::Box other;
};
H5FLUME_FIELDS(Pair, one, other);

}  // namespace conflicting

namespace {

std::vector<std::byte> old_file() {
  return MappedArray<version_1::Record>::build_bytes(
      std::vector<version_1::Record>{{"a name that does not fit", 5, {9}, {{3}, {4}}}});
}

std::vector<std::byte> new_file() {
  version_2::Record record;
  record.name = "new";
  record.parts = {{1.5, 6}};
  record.part = {0.5, 7};
  return MappedArray<version_2::Record>::build_bytes(std::vector<version_2::Record>{record});
}

}  // namespace

TEST_CASE("a newer reader opens an older file: fields that were added have their defaults",
          "[storage][mapped][schema]") {
  const auto bytes = old_file();
  const auto array = MappedArray<version_2::Record>::from_bytes(bytes);
  const auto view = array[0];
  CHECK(view.name() == "a name that does not fit");
  CHECK(view.count() == 5U);
  CHECK(view.comment() == "no comment, as usual");
  CHECK_FALSE(view.owner().is_set());
  CHECK_FALSE(view.ratio().has_value());
  CHECK(view.tags()[0] == "new");
  CHECK(view.part().size() == 9);
  CHECK(view.part().weight() == 2.5);
  CHECK(view.parts().size() == 2);
  CHECK(view.parts()[1].size() == 4);
  CHECK(view.parts()[1].weight() == 2.5);

  const auto plain = view.clone();
  CHECK(plain.comment == "no comment, as usual");
  CHECK(plain.parts == std::vector<version_2::Part>{{2.5, 3}, {2.5, 4}});
}

TEST_CASE("an older reader opens a newer file: fields that it does not know are passed over",
          "[storage][mapped][schema]") {
  const auto file = new_file();
  try {
    MappedArray<version_1::Record>::from_bytes(file);
    FAIL("count may be null in the file");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kUnsupported);
    CHECK_THAT(error.what(), contains("field 'count' of 'Record' may be null"));
  }
  struct Reader {
    static auto open(const std::vector<std::byte>& bytes) {
      return MappedArray<version_2::Part>::from_bytes(bytes);
    }
  };
  const auto bytes =
      MappedArray<version_2::Part>::build_bytes(std::vector<version_2::Part>{{1, 2}, {3, 4}});
  const auto array = MappedArray<version_1::Part>::from_bytes(bytes);
  CHECK(array[0].size() == 2);
  CHECK(array[1].size() == 4);
  CHECK(array.column<&version_1::Part::size>()[1] == 4);
  CHECK(Reader::open(bytes)[1].weight() == 3);
}

TEST_CASE("a column that the file lacks is the default in every row", "[storage][mapped][schema]") {
  const auto bytes =
      MappedArray<version_1::Part>::build_bytes(std::vector<version_1::Part>{{1}, {2}});
  const auto array = MappedArray<version_2::Part>::from_bytes(bytes);
  std::vector<double> weights;
  for (const double weight : array.column<&version_2::Part::weight>()) weights.push_back(weight);
  CHECK(weights == std::vector{2.5, 2.5});
}

TEST_CASE("an incompatible reader is refused with the field and both types",
          "[storage][mapped][schema]") {
  const auto bytes = old_file();
  CHECK_THROWS_WITH(MappedArray<incompatible::Record>::from_bytes(bytes),
                    contains("field 'size' of 'Part' is uint16 in the file, not int16"));
  CHECK_THROWS_WITH(MappedArray<std::uint32_t>::from_bytes(bytes),
                    contains("the value is Record in the file, not uint32"));
  CHECK_THROWS_WITH(MappedArray<Box>::from_bytes(bytes),
                    contains("the value is Record in the file, not Box"));
  CHECK(MappedArray<strict::Record>::from_bytes(bytes)[0].count() == 5);
}

TEST_CASE("whether a file can be read is known before it is tried", "[storage][mapped][schema]") {
  using mapped::schema_of;
  using mapped::why_unreadable;
  CHECK_FALSE(why_unreadable(schema_of<version_2::Record>(), schema_of<version_1::Record>()));
  CHECK_FALSE(why_unreadable(schema_of<strict::Record>(), schema_of<version_1::Record>()));
  CHECK_THAT(why_unreadable(schema_of<version_1::Record>(), schema_of<version_2::Record>()).value(),
             contains("'count' of 'Record' may be null"));
  CHECK_THAT(why_unreadable(schema_of<incompatible::Part>(), schema_of<version_1::Part>()).value(),
             contains("uint16 in the file, not int16"));
}

TEST_CASE("two structs of one name in one schema are refused", "[storage][mapped][schema]") {
  CHECK_THROWS_WITH(mapped::schema_of<conflicting::Pair>(),
                    contains("two different structs have the name 'Box'"));
}

TEST_CASE("a schema is written, read again and described in words", "[storage][mapped][schema]") {
  const auto& schema = mapped::schema_of<Sample>();
  CHECK(mapped::decode_schema(mapped::encode(schema)) == schema);
  CHECK(to_text(schema, schema.root) == "Sample");
  std::vector<std::string> fields;
  for (const auto& field : schema.structures[0].fields) {
    fields.push_back(field.name + ": " + to_text(schema, field.type));
  }
  CHECK(fields == std::vector<std::string>{"id: uint64", "label: text", "weight: float32",
                                           "score: float64", "rank: int32", "box: Box",
                                           "tags: list<text>", "thumbnail: bytes"});
}

TEST_CASE("a damaged schema is refused or consistent, whatever the damage",
          "[storage][mapped][schema][damage]") {
  const auto good = mapped::encode(mapped::schema_of<Sample>());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<std::byte> cut(good.begin(),
                                     good.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_THROWS_AS(mapped::decode_schema(cut), Error);
  }
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    for (auto left = 1 + random() % 3; left > 0; --left) {
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    }
    try {
      const auto schema = mapped::decode_schema(bytes);
      for (const auto& structure : schema.structures) {
        for (const auto& field : structure.fields) {
          REQUIRE(field.offset + slot_bytes(schema, field.type) <= structure.bytes);
        }
      }
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::kCorruptData);
    }
  }
}

TEST_CASE("a structure that holds itself is refused", "[storage][mapped][schema][damage]") {
  mapped::Schema schema;
  schema.root = {mapped::Kind::kStruct, 0, {}};
  schema.structures = {{"A", 8, {{.name = "b", .type = {mapped::Kind::kStruct, 1, {}}}}},
                       {"B", 8, {{.name = "a", .type = {mapped::Kind::kStruct, 0, {}}}}}};
  CHECK_THROWS_WITH(mapped::decode_schema(mapped::encode(schema)), contains("holds itself"));
}
