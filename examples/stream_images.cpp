#include <h5flume.h>

#include <iostream>

int main(int, char** argv) {
  h5flume::Streamer streamer(argv[1]);
  auto queue = streamer.queue("/images", {.ordered = true, .remainder = true});
  double sum = 0;
  for (const h5flume::Block& block : queue) {
    for (const auto pixel : block.view<std::uint8_t>().span()) sum += pixel;  // in place, no copy
  }
  std::cout << "mean brightness " << sum / queue.dataset().decoded_bytes() << "\n";
}
