// The mean of each piece of a dataset, by a job that goes on where it was killed.
#include <h5flume.h>

#include <iostream>
#include <numeric>

int main(int, char** argv) {
  const h5flume::Reader reader(argv[1]);
  h5flume::ProgressTracker tracker(argv[2], {.max_tries = 3});
  h5flume::ChunkJob job(reader.dataset("/images"), tracker, {.piece_rows = 32});

  const auto numbers = job.run([](const h5flume::JobPiece&, const h5flume::Array& rows) {
    const auto pixels = rows.view<std::uint8_t>().span();
    const double sum = std::accumulate(pixels.begin(), pixels.end(), 0.0);
    return h5flume::Json(sum / static_cast<double>(pixels.size()));
  });

  std::cout << numbers.done << " of " << numbers.pieces << " pieces done\n";
}
