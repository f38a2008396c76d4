#include "bench/readers/row_cases.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "bench/readers/library_requests.h"
#include "bench/readers/loaded_chunks.h"

namespace h5flume::bench {
namespace {

constexpr std::size_t kCachedChunks = 64;
constexpr std::size_t kCachedRows = 20'000;
constexpr std::size_t kUncachedRows = 400;  // or more, of small chunks

// Of decoded chunks: room for them all; and room for a few, so that none is left of the turn
// before, however short it was.
constexpr std::size_t kLargeCache = 256 << 20;
constexpr std::size_t kSmallCache = 1 << 20;

std::mt19937_64 generator() { return std::mt19937_64(4); }

// Chunks of the dataset at random, each once. The last may be incomplete and is left out.
std::vector<std::uint64_t> some_chunks(const chunks::DirectSource& source, std::size_t count) {
  std::vector<std::uint64_t> all(source.map.chunks.size() - 1);
  std::iota(all.begin(), all.end(), std::uint64_t{0});
  auto random = generator();
  std::ranges::shuffle(all, random);
  all.resize(std::min(count, all.size()));
  return all;
}

// A row at random of each of these chunks.
std::vector<std::int64_t> rows_in(const chunks::DirectSource& source,
                                  const std::vector<std::uint64_t>& chunks) {
  const std::uint64_t chunk_rows = source.info.chunk.front();
  std::uniform_int_distribution<std::uint64_t> place(0, chunk_rows - 1);
  auto random = generator();
  std::vector<std::int64_t> rows;
  rows.reserve(chunks.size());
  for (const std::uint64_t chunk : chunks) {
    rows.push_back(static_cast<std::int64_t>(chunk * chunk_rows + place(random)));
  }
  return rows;
}

// A way of serving single rows where a row comes from `read_row` (request number, row number).
template <class ReadRow>
Way row_way(const char* name, ReadRow read_row) {
  return {name, [read_row](const Requests& requests, const TurnLimits& limits) mutable {
            Turn turn(limits, requests.size());
            while (turn.goes_on()) {
              const auto begin = Turn::Clock::now();
              const std::size_t request = turn.request();
              turn.served(begin, read_row(request, requests.rows(request).front()));
            }
            return std::move(turn).outcome();
          }};
}

std::vector<Way> stage_and_buffer(const BenchFile& file, std::size_t cache_bytes) {
  auto ways = ways_of_h5flume(std::make_shared<OpenForRequests>(file, cache_bytes));
  ways.resize(2);
  return ways;
}

Way library_way(const BenchFile& file, std::size_t cache_bytes) {
  const auto library = std::make_shared<LibraryRequests>(file.path, file.dataset, cache_bytes);
  return {"H5Dread, the same cache", [library](const Requests& requests, const TurnLimits& limits) {
            Turn turn(limits, requests.size());
            while (turn.goes_on()) {
              const auto begin = Turn::Clock::now();
              turn.served(begin, library->read(requests, turn.request(),
                                               LibraryRequests::Batch::kRowByRow));
            }
            return std::move(turn).outcome();
          }};
}

// The rows of `chunks`, decoded beforehand, are copied.
Way memcpy_way(const std::shared_ptr<const chunks::DirectSource>& source,
               const std::vector<std::uint64_t>& chunks) {
  LoadedChunks loaded(source, chunks);
  const std::uint64_t chunk_rows = source->info.chunk.front();
  const std::size_t row_bytes = source->info.row_bytes();
  std::vector<std::byte> decoded(loaded.size() * loaded.chunk_bytes());
  std::vector<const std::byte*> places(source->map.chunks.size());
  for (std::size_t at = 0; at < loaded.size(); ++at) {
    const auto place = std::span(decoded).subspan(at * loaded.chunk_bytes(), loaded.chunk_bytes());
    loaded.decode(at, place);
    places[chunks[at]] = place.data();
  }
  // A moved vector stays where it is, so that places hold.
  const auto kept = std::make_shared<const std::vector<std::byte>>(std::move(decoded));
  return row_way(
      "memcpy", [places, chunk_rows, row_bytes, kept, buffer = std::vector<std::byte>(row_bytes)](
                    std::size_t, std::int64_t row) mutable {
        const auto number = static_cast<std::uint64_t>(row);
        std::memcpy(buffer.data(), places[number / chunk_rows] + number % chunk_rows * row_bytes,
                    row_bytes);
        return std::span<const std::byte>(buffer);
      });
}

}  // namespace

RowCase cached_rows(const BenchFile& file) {
  const auto source = open_directly(file);
  const auto chunks = some_chunks(*source, kCachedChunks);
  std::vector<std::uint64_t> drawn(kCachedRows);
  std::uniform_int_distribution<std::size_t> which(0, chunks.size() - 1);
  auto random = generator();
  for (std::uint64_t& chunk : drawn) chunk = chunks[which(random)];
  auto ways = std::vector<Way>{memcpy_way(source, chunks)};
  for (Way& way : stage_and_buffer(file, kLargeCache)) ways.push_back(std::move(way));
  ways.push_back(library_way(file, kLargeCache));
  return {"cached row", file.name, Requests(rows_in(*source, drawn)), std::move(ways)};
}

RowCase unfiltered_rows(const BenchFile& file) {
  const auto source = open_directly(file);
  const std::size_t row_bytes = source->info.row_bytes();
  const std::uint64_t chunk_rows =
      source->map.chunks.empty() ? source->info.row_count() : source->info.chunk.front();
  const auto address_of = [=](std::uint64_t row) {
    const auto& map = source->map;
    const auto chunk = map.chunks.empty() ? map.address : map.chunks[row / chunk_rows].address;
    return chunk + row % chunk_rows * row_bytes;
  };
  auto pread = row_way("pread", [=, buffer = std::vector<std::byte>(row_bytes)](
                                    std::size_t, std::int64_t row) mutable {
    source->bytes->read(address_of(static_cast<std::uint64_t>(row)), buffer);
    return std::span<const std::byte>(buffer);
  });
  std::vector<Way> ways{std::move(pread)};
  for (Way& way : stage_and_buffer(file, kSmallCache)) ways.push_back(std::move(way));
  ways.push_back(library_way(file, kSmallCache));
  return {"uncached row", file.name,
          Requests(RequestKind::kRow, source->info.row_count(), 4, kCachedRows), std::move(ways)};
}

RowCase uncached_rows(const BenchFile& file) {
  const auto source = open_directly(file);
  const std::size_t chunk_bytes = source->info.chunk.front() * source->info.row_bytes();
  const auto chunks = some_chunks(*source, std::max(kUncachedRows, 4 * kSmallCache / chunk_bytes));
  const auto loaded = std::make_shared<LoadedChunks>(source, chunks);
  auto bare =
      row_way("bare decode", [loaded, buffer = std::vector<std::byte>(loaded->chunk_bytes())](
                                 std::size_t request, std::int64_t) mutable {
        loaded->decode(request, buffer);
        return std::span<const std::byte>(buffer);
      });
  bare.delivers = false;
  std::vector<Way> ways{std::move(bare)};
  for (Way& way : stage_and_buffer(file, kSmallCache)) ways.push_back(std::move(way));
  ways.push_back(library_way(file, kSmallCache));
  return {"uncached row", file.name, Requests(rows_in(*source, chunks)), std::move(ways)};
}

}  // namespace h5flume::bench
