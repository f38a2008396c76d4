#include "readers/chunks/bit_transpose_internal.h"
#include "readers/chunks/fletcher32_internal.h"
#include "readers/chunks/shuffle_internal.h"
#include "tests/readers/chunks/encoders.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using namespace h5flume::chunks;

TEST_CASE("every instruction set puts shuffled bytes back", "[readers][chunks]") {
  std::mt19937_64 random(1);
  for (const InstructionSet set : instruction_sets()) {
    CAPTURE(to_string(set));
    for (const std::size_t element_bytes : {1, 2, 3, 4, 5, 8, 12, 16, 40, 300}) {
      for (const std::size_t count :
           {0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 255, 256, 257, 1000}) {
        CAPTURE(element_bytes, count);
        const Bytes data = random_bytes(count * element_bytes + random() % element_bytes, random);
        const Bytes stored = shuffled(data, element_bytes);
        Bytes out(data.size());
        unshuffle(stored, element_bytes, out.data(), set);
        CHECK(out == data);
      }
    }
  }
}

TEST_CASE("every instruction set turns rows of bits back into bytes", "[readers][chunks]") {
  std::mt19937_64 random(2);
  for (const InstructionSet set : instruction_sets()) {
    CAPTURE(to_string(set));
    for (const std::size_t row_bytes : {0, 1, 2, 31, 32, 33, 63, 64, 65, 200}) {
      CAPTURE(row_bytes);
      const Bytes data = random_bytes(8 * row_bytes, random);
      const Bytes rows = bitshuffled_block(data, 1);
      Bytes out(data.size());
      transpose_bit_rows(rows.data(), row_bytes, out.data(), set);
      CHECK(out == data);
    }
  }
}

TEST_CASE("the fast checksum is the defined one", "[readers][chunks]") {
  std::mt19937_64 random(13);
  const auto defined = [](const Bytes& data) {
    const Bytes stored = encode(fletcher32_filter(), data);
    std::uint32_t sum = 0;
    for (int i = 3; i >= 0; --i) {
      sum = sum << 8 | std::to_integer<std::uint32_t>(stored[data.size() + i]);
    }
    return sum;
  };
  for (const std::size_t bytes : {0, 1, 2, 3, 31, 32, 33, 65, 8191, 8192, 8193, 8225, 100'001}) {
    CAPTURE(bytes);
    const Bytes noise = random_bytes(bytes, random);
    CHECK(chunks::fletcher32(noise) == defined(noise));
    const Bytes zeros(bytes);
    CHECK(chunks::fletcher32(zeros) == defined(zeros));
    const Bytes ones(bytes, std::byte{0xff});  // the largest sums, and 65535, which is not 0
    CHECK(chunks::fletcher32(ones) == defined(ones));
  }
}
