#include "storage/mapped/pack.h"

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/storage/mapped/sample_types.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using h5flume::mapped::pack;
using h5flume::mapped::pack_into;
using h5flume::mapped::unpack_from;

namespace {

enum class Split : std::uint8_t { kTrain = 1, kTest = 2 };

struct Numbers {
  std::uint8_t u8 = 0;
  std::int8_t i8 = 0;
  std::uint16_t u16 = 0;
  std::int16_t i16 = 0;
  std::uint32_t u32 = 0;
  std::int32_t i32 = 0;
  std::uint64_t u64 = 0;
  std::int64_t i64 = 0;
  float f32 = 0;
  double f64 = 0;
  bool flag = false;
  Split split = Split::kTrain;
  bool operator==(const Numbers&) const = default;
};
H5FLUME_FIELDS(Numbers, u8, i8, u16, i16, u32, i32, u64, i64, f32, f64, flag, split);

template <class T>
using Limits = std::numeric_limits<T>;

Numbers extremes(bool most) {
  if (most) {
    return {255,
            127,
            65535,
            32767,
            Limits<std::uint32_t>::max(),
            Limits<std::int32_t>::max(),
            Limits<std::uint64_t>::max(),
            Limits<std::int64_t>::max(),
            Limits<float>::infinity(),
            Limits<double>::max(),
            true,
            Split::kTest};
  }
  return {0,
          -128,
          0,
          -32768,
          0,
          Limits<std::int32_t>::min(),
          0,
          Limits<std::int64_t>::min(),
          -Limits<float>::infinity(),
          Limits<double>::lowest(),
          false,
          Split::kTrain};
}

// A list of fields without the macro.
struct WithoutMacro {
  std::uint32_t number = 0;
  bool operator==(const WithoutMacro&) const = default;
};
constexpr auto h5flume_fields(const WithoutMacro*) {
  return mapped::FieldList<WithoutMacro, &WithoutMacro::number>{"WithoutMacro", {"number"}};
}

}  // namespace

TEST_CASE("numbers of every width come back as they were", "[storage][mapped][pack]") {
  const Numbers numbers = extremes(GENERATE(false, true));
  const auto bytes = pack(numbers);
  CHECK(unpack_from<Numbers>(bytes).clone() == numbers);
  CHECK(unpack_from<Numbers>(bytes).i64() == numbers.i64);
  CHECK(unpack_from<Numbers>(bytes).split() == numbers.split);
}

TEST_CASE("a field list without the macro gives views with get() only", "[storage][mapped][pack]") {
  const auto bytes = pack(WithoutMacro{42});
  const auto view = unpack_from<WithoutMacro>(bytes);
  CHECK(view.get<&WithoutMacro::number>() == 42);
  CHECK(view.clone() == WithoutMacro{42});
}

TEST_CASE("random structs come back as they were, and equal structs make equal bytes",
          "[storage][mapped][pack]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const auto& sample : random_samples(random, 500)) {
    const auto bytes = pack(sample);
    REQUIRE(unpack_from<Sample>(bytes).clone() == sample);
    REQUIRE(pack(Sample(sample)) == bytes);
  }
}

TEST_CASE("a view reads fields where they lie", "[storage][mapped][pack]") {
  Sample sample;
  sample.label = "a label that is longer than its slot";
  sample.tags = {"one", "two"};
  sample.box = {1, 2};
  const auto bytes = pack(sample);
  const auto view = unpack_from<Sample>(bytes);
  CHECK(view.label() == sample.label);
  const auto* const label = reinterpret_cast<const std::byte*>(view.label().data());
  CHECK((label > bytes.data() && label < bytes.data() + bytes.size()));
  CHECK(view.box().y() == 2);
  CHECK(view.tags()[1] == "two");
  CHECK_FALSE(view.score().has_value());
}

TEST_CASE("one view looks at one object after the other", "[storage][mapped][pack]") {
  std::mt19937_64 random(3);
  const auto samples = random_samples(random, 5);
  std::vector<std::vector<std::byte>> objects;
  for (const auto& sample : samples) objects.push_back(pack(sample));
  auto view = unpack_from<Sample>(objects[0]);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    view = unpack_from<Sample>(objects[i]);
    CHECK(view.clone() == samples[i]);
  }
}

TEST_CASE("repacking a view gives the same bytes", "[storage][mapped][pack]") {
  std::mt19937_64 random(1);
  const auto bytes = pack(random_sample(random));
  CHECK(pack(unpack_from<Sample>(bytes)) == bytes);
}

TEST_CASE("several objects lie in one buffer, at any offset", "[storage][mapped][pack]") {
  std::mt19937_64 random(2);
  const auto samples = random_samples(random, 5);
  std::vector<std::byte> buffer(1U << 14U);
  std::vector<std::size_t> offsets{3};
  for (const auto& sample : samples) {
    offsets.push_back(offsets.back() + pack_into(sample, buffer, offsets.back()) + 1);
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    CHECK(unpack_from<Sample>(buffer, offsets[i]).clone() == samples[i]);
  }
}

TEST_CASE("an object that does not fit is refused and leaves the buffer as it was",
          "[storage][mapped][pack]") {
  const auto object = pack(Sample{});
  const auto spare = GENERATE(0, 1);
  std::vector<std::byte> buffer(object.size() - 1 + static_cast<std::size_t>(spare));
  const auto before = buffer;
  CHECK_THROWS_WITH(pack_into(Sample{}, buffer, static_cast<std::size_t>(spare)),
                    contains("of a buffer of"));
  CHECK(buffer == before);
}

TEST_CASE("texts of 0, 15, 16 and 65537 bytes, inside of the record and out of it",
          "[storage][mapped][pack]") {
  Sample sample;
  sample.label.assign(GENERATE(0U, 1U, 14U, 15U, 16U, 17U, 65537U), 'x');
  const auto bytes = pack(sample);
  CHECK(unpack_from<Sample>(bytes).label() == sample.label);
}

TEST_CASE("a text that is not UTF-8 is refused, bytes are not", "[storage][mapped][pack]") {
  using namespace std::literals;
  for (const auto bad : {"\xff"sv, "\x80"sv, "a\xc3"sv, "\xc0\x80"sv, "\xe0\x80\x80"sv,
                         "\xed\xa0\x80"sv, "\xf0\x80\x80\x80"sv, "\xf4\x90\x80\x80"sv}) {
    Sample sample;
    sample.label = bad;
    CHECK_THROWS_WITH(pack(sample), contains("not UTF-8"));
    sample.label.clear();
    sample.thumbnail.assign(mapped::as_raw(bad).begin(), mapped::as_raw(bad).end());
    CHECK(unpack_from<Sample>(pack(sample)).clone() == sample);
  }
  Sample sample;
  sample.label = "zéro\0語\U0010ffff\uffff"s;
  CHECK(unpack_from<Sample>(pack(sample)).clone() == sample);
}

TEST_CASE("unset, null and a value are three different things", "[storage][mapped][pack]") {
  Sample sample;
  const auto unset = pack(sample);
  CHECK_FALSE(unpack_from<Sample>(unset).rank().is_set());

  sample.rank = std::optional<std::int32_t>();
  const auto null = pack(sample);
  CHECK(unpack_from<Sample>(null).rank().is_set());
  CHECK_FALSE(unpack_from<Sample>(null).rank()->has_value());

  sample.rank = std::optional<std::int32_t>(0);
  const auto zero = pack(sample);
  CHECK(unpack_from<Sample>(zero).rank().value() == 0);
  CHECK(unset != null);
  CHECK(null != zero);
}

TEST_CASE("a packed object that was cut, changed or packed by another schema is refused",
          "[storage][mapped][pack][damage]") {
  const auto bytes = pack(Sample{});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> cut(bytes.begin(),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_THROWS_AS(unpack_from<Sample>(cut), Error);
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto changed = bytes;
    changed[at] ^= std::byte{4};
    CHECK_THROWS_AS(unpack_from<Sample>(changed), Error);
  }
  CHECK_THROWS_WITH(unpack_from<Box>(bytes), contains("packed with other fields"));
}

// --- presence ------------------------------------------------------------------------------------

namespace {

using Presence = Settable<std::optional<std::uint16_t>>;

// Member pointers need members: 72 of them, of which a list takes the first few.
struct Wide {
#define EIGHT(p) Presence p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7;
  EIGHT(a)
  EIGHT(b)
  EIGHT(c)
  EIGHT(d)
  EIGHT(e)
  EIGHT(f)
  EIGHT(g)
  EIGHT(h)
  EIGHT(i)
#undef EIGHT
  bool operator==(const Wide&) const = default;
};

#define EIGHT(p)                                                                             \
  &Wide::p##0, &Wide::p##1, &Wide::p##2, &Wide::p##3, &Wide::p##4, &Wide::p##5, &Wide::p##6, \
      &Wide::p##7
constexpr std::array kMembers{EIGHT(a), EIGHT(b), EIGHT(c), EIGHT(d), EIGHT(e),
                              EIGHT(f), EIGHT(g), EIGHT(h), EIGHT(i)};
#undef EIGHT

constexpr auto kNames = [] {
  std::array<std::array<char, 2>, kMembers.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = {static_cast<char>('a' + i / 8), static_cast<char>('0' + i % 8)};
  }
  return names;
}();

template <std::size_t N>
struct Firsts : Wide {
  bool operator==(const Firsts&) const = default;
};

template <std::size_t... Index>
constexpr auto fields_of_firsts(std::index_sequence<Index...>) {
  return mapped::FieldList<Firsts<sizeof...(Index)>, kMembers[Index]...>{
      "Firsts", {std::string_view(kNames[Index].data(), 2)...}};
}
template <std::size_t N>
constexpr auto h5flume_fields(const Firsts<N>*) {
  return fields_of_firsts(std::make_index_sequence<N>{});
}

Presence random_presence(std::mt19937_64& random) {
  switch (random() % 3) {
    case 0:
      return {};
    case 1:
      return std::optional<std::uint16_t>();
    default:
      return std::optional(static_cast<std::uint16_t>(random()));
  }
}

template <std::size_t N>
void check_presence(std::mt19937_64& random) {
  CAPTURE(N);
  Firsts<N> unset;
  CHECK(unpack_from<Firsts<N>>(pack(unset)).clone() == unset);
  Firsts<N> null;
  for (std::size_t i = 0; i < N; ++i) null.*kMembers[i] = std::optional<std::uint16_t>();
  CHECK(unpack_from<Firsts<N>>(pack(null)).clone() == null);
  for (int i = 0; i < 50; ++i) {
    Firsts<N> mixed;
    for (std::size_t at = 0; at < N; ++at) mixed.*kMembers[at] = random_presence(random);
    REQUIRE(unpack_from<Firsts<N>>(pack(mixed)).clone() == mixed);
  }
}

}  // namespace

TEST_CASE("presence at 7/8/9/15/16/17/31/32/33/63/64/65 fields: all unset, all null, mixed",
          "[storage][mapped][pack]") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  check_presence<1>(random);
  check_presence<7>(random);
  check_presence<8>(random);
  check_presence<9>(random);
  check_presence<15>(random);
  check_presence<16>(random);
  check_presence<17>(random);
  check_presence<31>(random);
  check_presence<32>(random);
  check_presence<33>(random);
  check_presence<63>(random);
  check_presence<64>(random);
  check_presence<65>(random);
}
