#include "core/error.h"
#include "readers/chunks/filter_pipeline.h"
#include "tests/readers/chunks/encoders.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using h5flume::chunks::FilterPipeline;

// Sanitizers see what these cases are about: that nothing outside of a chunk is touched. Each
// damaged chunk lies in memory of its own size, so that they notice one byte too many.

namespace {

constexpr std::size_t kDecodedBytes = 1200;

std::vector<std::vector<hdf5::Filter>> pipelines() {
  const auto bitshuffle = [](BitshuffleWith with) { return bitshuffle_filter(4, with, 64); };
  return {{deflate_filter()},
          {shuffle_filter(4), deflate_filter(), fletcher32_filter()},
          {deflate_filter(), deflate_filter()},
          {fletcher32_filter(), shuffle_filter(3)},
          {szip_filter(8)},
          {szip_filter(16, 8, 50)},
          {szip_filter(32, 32, 100, false)},
          {szip_filter(64), deflate_filter()},
          {lzf_filter()},
          {lzf_filter(kDecodedBytes), lzf_filter()},
          {blosc_filter(4, 1)},
          {blosc_filter(4, 2), zstd_filter()},
          {lz4_filter()},
          {lz4_filter(100), lz4_filter(50)},
          {bitshuffle(BitshuffleWith::kNothing)},
          {bitshuffle(BitshuffleWith::kLz4)},
          {bitshuffle(BitshuffleWith::kZstd)},
          {zstd_filter()},
          {zstd_filter(), zstd_filter()}};
}

// What it decoded to; an Error is the other good answer.
std::optional<Bytes> decoded(FilterPipeline& pipeline, const Bytes& stored) {
  const Bytes exact(stored.begin(), stored.end());
  Bytes out(kDecodedBytes);
  try {
    pipeline.decode(exact, 0, out);
    return out;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) throw;
    return std::nullopt;
  }
}

}  // namespace

TEST_CASE("a chunk that ends early is an error unless it lacks mere padding", "[readers][chunks]") {
  std::mt19937_64 random(10);
  const Bytes data = sample_bytes(kDecodedBytes, random);
  for (const auto& filters : pipelines()) {
    CAPTURE(filters.front().name, filters.front().values, filters.size());
    FilterPipeline pipeline(filters, kDecodedBytes);
    Bytes stored = encode(filters, data);
    const std::size_t whole_bytes = stored.size();
    REQUIRE(decoded(pipeline, stored) == data);
    while (!stored.empty()) {
      stored.pop_back();
      const auto result = decoded(pipeline, stored);
      CAPTURE(stored.size(), whole_bytes);
      REQUIRE((!result || *result == data));
      REQUIRE((!result || stored.size() + 40 > whole_bytes));
    }
  }
}

TEST_CASE("damaged chunks touch nothing but their memory", "[readers][chunks]") {
  std::mt19937_64 random(11);
  for (const auto& filters : pipelines()) {
    CAPTURE(filters.front().name, filters.front().values, filters.size());
    FilterPipeline pipeline(filters, kDecodedBytes);
    const Bytes stored = encode(filters, sample_bytes(kDecodedBytes, random));
    for (int round = 0; round < 2000; ++round) {
      Bytes damaged = stored;
      const std::size_t flips = 1 + random() % 4;
      for (std::size_t i = 0; i < flips; ++i) {
        // Half of them where the headers are.
        const std::size_t at =
            random() % (i % 2 == 0 ? damaged.size() : std::min<std::size_t>(20, damaged.size()));
        damaged[at] = static_cast<std::byte>(random());
      }
      decoded(pipeline, damaged);
    }
    CHECK(decoded(pipeline, stored));
  }
}

TEST_CASE("noise is no chunk", "[readers][chunks]") {
  std::mt19937_64 random(12);
  for (const auto& filters : pipelines()) {
    FilterPipeline pipeline(filters, kDecodedBytes);
    for (int round = 0; round < 300; ++round) {
      decoded(pipeline, random_bytes(random() % 200, random));
    }
    CHECK_FALSE(decoded(pipeline, {}));
  }
}

TEST_CASE("sizes that a chunk claims are not believed", "[readers][chunks]") {
  const auto claims = [](const hdf5::Filter& filter, std::vector<unsigned char> header) {
    header.resize(64);
    Bytes stored(header.size());
    for (std::size_t i = 0; i < header.size(); ++i) stored[i] = static_cast<std::byte>(header[i]);
    // Behind another compressor the size is not known beforehand: the claim is all there is.
    FilterPipeline pipeline({deflate_filter(), filter}, kDecodedBytes);
    CHECK_FALSE(decoded(pipeline, stored));
    FilterPipeline alone({filter}, kDecodedBytes);
    CHECK_FALSE(decoded(alone, stored));
  };
  const std::vector<unsigned char> huge(8, 0xff);
  claims(lz4_filter(), huge);
  claims(lz4_filter(), {0, 0, 0, 0, 0, 0, 4, 0xb0, 0, 0, 0, 0});  // the right size, blocks of none
  claims(bitshuffle_filter(4, BitshuffleWith::kLz4), huge);
  claims(bitshuffle_filter(4, BitshuffleWith::kZstd), {0, 0, 0, 0, 0, 0, 4, 0xb0, 0, 0, 0, 0});
  claims(szip_filter(8), {0xff, 0xff, 0xff, 0xff});
  claims(blosc_filter(4), {2, 1, 0x21, 4, 0xff, 0xff, 0xff, 0x7e, 0, 0, 1, 0, 64, 0, 0, 0});
  claims(zstd_filter(), {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0});
}
