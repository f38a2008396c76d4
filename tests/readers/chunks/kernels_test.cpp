#include "readers/chunks/bit_transpose_internal.h"
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
