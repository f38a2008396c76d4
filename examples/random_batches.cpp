// Batches of rows drawn at random: one thread asks for them, another uses them in that order.
#include <h5flume.h>

#include <algorithm>
#include <iostream>
#include <numeric>
#include <random>
#include <thread>

int main(int, char** argv) {
  h5flume::Reader reader(argv[1]);
  const auto images = reader.dataset("/images");
  const std::uint64_t batch_rows = std::min<std::uint64_t>(32, images.shape()[0]);

  std::vector<std::int64_t> order(images.shape()[0]);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(2026));

  const auto stages = images.stage_pool({batch_rows}, 4);  // memory for four batches
  h5flume::RequestPool batches;
  std::thread loader([&] {
    for (std::size_t row = 0; row < order.size(); row += batch_rows) {
      const std::size_t end = std::min<std::size_t>(row + batch_rows, order.size());
      const std::vector<std::int64_t> chosen(order.begin() + row, order.begin() + end);
      batches.add(reader.request(images[h5flume::list(chosen)], stages));
    }
    batches.close();
  });

  std::uint64_t rows = 0;
  double sum = 0;
  while (auto batch = batches.next()) {
    batch->get_direct([&](const h5flume::StageView& view) {
      rows += view.shape()[0];
      for (const auto pixel : view.view<std::uint8_t>().span()) sum += pixel;
    });
  }
  loader.join();
  std::cout << rows << " rows in random order, mean brightness "
            << sum / images.info().decoded_bytes() << "\n";
}
