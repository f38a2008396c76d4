#include "readers/chunks/filter_pipeline.h"

#include "core/error.h"
#include "tests/readers/chunks/encoders.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using h5flume::chunks::FilterPipeline;

namespace {

using Filters = std::vector<hdf5::Filter>;

Bytes decode(FilterPipeline& pipeline, const Bytes& stored, std::size_t bytes,
             std::uint32_t filter_mask = 0) {
  Bytes out(bytes);
  pipeline.decode(stored, filter_mask, out);
  return out;
}

void check_round_trip(const Filters& filters, const Bytes& data, std::uint32_t filter_mask = 0) {
  FilterPipeline pipeline(filters, data.size());
  const Bytes stored = encode(filters, data, filter_mask);
  // Twice: what is kept from the first chunk must not show in the second.
  CHECK(decode(pipeline, stored, data.size(), filter_mask) == data);
  CHECK(decode(pipeline, stored, data.size(), filter_mask) == data);
}

}  // namespace

TEST_CASE("what a filter wrote is read back, whatever the size", "[readers][chunks]") {
  std::mt19937_64 random(3);
  const Filters filters = {deflate_filter(),   deflate_filter(0),  fletcher32_filter(),
                           shuffle_filter(1),  shuffle_filter(2),  shuffle_filter(3),
                           shuffle_filter(4),  shuffle_filter(8),  shuffle_filter(12),
                           shuffle_filter(16), lzf_filter(),       lzf_filter(5),
                           blosc_filter(4, 0), blosc_filter(4, 1), blosc_filter(8, 2),
                           lz4_filter(),       lz4_filter(100),    zstd_filter()};
  for (const auto& filter : filters) {
    for (const std::size_t bytes : {1, 2, 3, 8, 31, 64, 100, 1000, 4097, 70'000}) {
      CAPTURE(filter.name, filter.values, bytes);
      check_round_trip({filter}, sample_bytes(bytes, random));
      check_round_trip({filter}, random_bytes(bytes, random));
    }
  }
}

TEST_CASE("bitshuffle is undone with every compression", "[readers][chunks]") {
  std::mt19937_64 random(4);
  const auto with = GENERATE(BitshuffleWith::kNothing, BitshuffleWith::kLz4, BitshuffleWith::kZstd);
  for (const std::uint32_t element_bytes : {1, 2, 3, 4, 8, 12, 16, 200}) {
    for (const std::uint32_t block_elements : {0, 8, 64, 4096}) {
      for (const std::size_t elements : {1, 7, 8, 9, 63, 64, 300, 2047, 2048, 5003}) {
        CAPTURE(element_bytes, block_elements, elements);
        check_round_trip({bitshuffle_filter(element_bytes, with, block_elements)},
                         sample_bytes(elements * element_bytes, random));
      }
    }
  }
}

TEST_CASE("szip is undone for every width of pixel", "[readers][chunks]") {
  std::mt19937_64 random(5);
  for (const std::uint32_t bits : {8, 16, 32, 64}) {
    for (const std::uint32_t block : {8, 16, 32}) {
      for (const std::uint32_t line : {32, 33, 50, 128}) {
        for (const std::size_t pixels : {1, 31, 64, 1000, 5003}) {
          CAPTURE(bits, block, line, pixels);
          const Bytes data = sample_bytes(pixels * bits / 8, random);
          check_round_trip({szip_filter(bits, block, line, pixels % 2 == 0)}, data);
        }
      }
    }
  }
}

TEST_CASE("filters are undone in any order and any number", "[readers][chunks]") {
  std::mt19937_64 random(6);
  const auto filters = GENERATE(
      Filters{}, Filters{shuffle_filter(4), deflate_filter(), fletcher32_filter()},
      Filters{fletcher32_filter(), shuffle_filter(4), deflate_filter()},
      Filters{deflate_filter(), deflate_filter()}, Filters{deflate_filter(), shuffle_filter(4)},
      Filters{deflate_filter(), fletcher32_filter(), shuffle_filter(2), deflate_filter()},
      Filters{shuffle_filter(8), lzf_filter(), fletcher32_filter(), fletcher32_filter()},
      Filters{zstd_filter(), lz4_filter(64), deflate_filter()},
      Filters{lzf_filter(), deflate_filter(), zstd_filter()},
      Filters{deflate_filter(), lzf_filter(), lzf_filter(7)},
      Filters{shuffle_filter(4), szip_filter(32), deflate_filter()},
      Filters{blosc_filter(4), bitshuffle_filter(1, BitshuffleWith::kLz4), deflate_filter()},
      Filters{shuffle_filter(1), fletcher32_filter()},
      Filters{shuffle_filter(2), shuffle_filter(4), shuffle_filter(8)});
  for (const std::size_t bytes : {8, 64, 1000, 40'000}) {
    CAPTURE(filters.size(), bytes);
    check_round_trip(filters, sample_bytes(bytes, random));
    check_round_trip(filters, random_bytes(bytes, random));
  }
}

TEST_CASE("a chunk's mask says which filters it was written without", "[readers][chunks]") {
  std::mt19937_64 random(7);
  const Filters filters = {shuffle_filter(4), deflate_filter(), lz4_filter(), fletcher32_filter()};
  const Bytes data = sample_bytes(5000, random);
  FilterPipeline pipeline(filters, data.size());
  for (std::uint32_t mask = 0; mask < 16; ++mask) {
    CAPTURE(mask);
    CHECK(decode(pipeline, encode(filters, data, mask), data.size(), mask) == data);
  }
}

TEST_CASE("data that nearly fills its frame is told from data that fits", "[readers][chunks]") {
  std::mt19937_64 random(8);
  const auto filter = GENERATE(deflate_filter(), lzf_filter(), blosc_filter(4), lz4_filter(),
                               zstd_filter(), bitshuffle_filter(1, BitshuffleWith::kLz4),
                               szip_filter(8), shuffle_filter(4), fletcher32_filter());
  CAPTURE(filter.name);
  const Bytes stored = encode(filter, sample_bytes(1000, random));
  for (const std::size_t bytes : {0, 1, 999, 1001, 2000}) {
    CAPTURE(bytes);
    FilterPipeline pipeline({filter}, bytes);
    CHECK_THROWS_AS(decode(pipeline, stored, bytes), Error);
  }
}

TEST_CASE("a checksum of HDF5 before 1.6.3 holds too, any other does not", "[readers][chunks]") {
  std::mt19937_64 random(9);
  const Bytes data = sample_bytes(1001, random);
  FilterPipeline pipeline({fletcher32_filter()}, data.size());
  Bytes stored = encode(fletcher32_filter(), data);
  std::swap(stored[1001], stored[1002]);
  std::swap(stored[1003], stored[1004]);
  CHECK(decode(pipeline, stored, data.size()) == data);

  stored[500] ^= std::byte{1};
  CHECK_THROWS_WITH(decode(pipeline, stored, data.size()), "fails its Fletcher-32 checksum");
}

TEST_CASE("filters without a decoder are named", "[readers][chunks]") {
  CHECK_FALSE(FilterPipeline::unsupported(Filters{deflate_filter(), zstd_filter()}));
  const auto why = [](const hdf5::Filter& filter) {
    return *FilterPipeline::unsupported(Filters{deflate_filter(), filter});
  };
  CHECK(why({32026, "blosc2", {}}) == "filter 32026 (blosc2) has no decoder here");
  CHECK(why({5, "", {}}) == "filter 5 has no decoder here");
  CHECK(why(deflate_filter(10)) == "filter 1 (gzip) has no level from 0 to 9");
  CHECK(why({2, "shuffle", {}}) == "filter 2 (shuffle) lacks its element size");
  CHECK(why(szip_filter(24)) ==
        "filter 4 (szip) has pixels of 24 bits, which have no decoder here");
  CHECK_THROWS_AS(FilterPipeline({{6, "scaleoffset", {}}}, 8), Error);
}
