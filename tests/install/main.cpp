// Streams /images of a file and prints its rows, its bytes and the sum of its bytes.
#include <cstdint>
#include <iostream>

#include "h5flume.h"

#ifndef WORKER
#define WORKER ""  // found by h5flume itself
#endif

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const h5flume::Streamer streamer(argv[1], {.worker_path = WORKER});
    auto queue = streamer.queue("/images", {.remainder = true, .workers = 2});
    std::uint64_t rows = 0, bytes = 0, sum = 0;
    for (const h5flume::Block& block : queue) {
      rows += block.row_count();
      bytes += block.bytes().size();
      for (const auto value : block.view<std::uint8_t>().span()) sum += value;
    }
    std::cout << rows << " rows, " << bytes << " bytes, sum " << sum << "\n";
  } catch (const h5flume::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
