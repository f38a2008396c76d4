#include "readers/hdf5/storage_map.h"

#include <chrono>

#include "tests/readers/hdf5/storage_support.h"

namespace h5flume::hdf5 {
namespace {

const std::vector<ChunkedFile> kFiles = {
    {{1'000}, {7}, Index::kBTree1},
    {{7}, {7}, Index::kSingle},
    {{1'000}, {7}, Index::kImplicit},
    {{1'000}, {7}, Index::kFixedArray},
    {{20'000}, {7}, Index::kFixedArray},  // in pages
    {{20'000}, {7}, Index::kExtensibleArray},
    {{61, 43}, {5, 4}, Index::kBTree1},
    {{61, 43}, {61, 43}, Index::kSingle},
    {{61, 43}, {5, 4}, Index::kImplicit},
    {{61, 43}, {5, 4}, Index::kFixedArray},
    {{61, 43}, {5, 4}, Index::kExtensibleArray},
    {{61, 43}, {5, 4}, Index::kBTree2},
    {{9, 8, 7}, {2, 3, 7}, Index::kBTree1},
    {{9, 8, 7}, {2, 3, 7}, Index::kExtensibleArray},
    {{9, 8, 7}, {2, 3, 7}, Index::kBTree2},
    {{5, 4, 3, 2}, {2, 2, 2, 2}, Index::kFixedArray},
    {{5, 4, 3, 2, 6}, {2, 2, 2, 2, 5}, Index::kBTree1},
    {{5, 4, 3, 2, 6}, {2, 2, 2, 2, 5}, Index::kBTree2},
};

TEST_CASE("every chunk is where libhdf5 reads it, by every index and behind a user block",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  ChunkedFile wanted = GENERATE(from_range(kFiles));
  wanted.user_block = GENERATE(0u, 512u, 4096u);
  wanted.gzip = GENERATE(false, true);
  if (wanted.gzip && wanted.index == Index::kImplicit) return;  // there is no such file
  NewChunkedFile(path, wanted).write_counting();

  const StorageMap map = map_of(path);
  REQUIRE(map.reason_for_hdf5.empty());
  CHECK(std::none_of(map.chunks.begin(), map.chunks.end(),
                     [](const StoredChunk& chunk) { return chunk.address == kMissing; }));
  CHECK(misplaced_chunks(path, map) == 0);
}

TEST_CASE("chunks that were never written are told from those that were", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const Index index =
      GENERATE(Index::kBTree1, Index::kFixedArray, Index::kExtensibleArray, Index::kBTree2);
  const std::vector<hsize_t> written =
      GENERATE(values<std::vector<hsize_t>>({{0, 0}, {25, 13}, {60, 42}}));
  const bool gzip = GENERATE(false, true);
  NewChunkedFile(path, {{61, 43}, {5, 4}, index, 512, gzip}).write_at(written, 7);

  const StorageMap map = map_of(path);
  REQUIRE(map.grid == std::vector<std::uint64_t>{13, 11});
  for (std::uint64_t i = 0; i < map.chunks.size(); ++i) {
    CHECK((map.chunks[i].address != kMissing) == (i == written[0] / 5 * 11 + written[1] / 4));
  }
  CHECK(misplaced_chunks(path, map) == 0);
}

TEST_CASE("a dataset of which nothing was written is all missing", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const Index index =
      GENERATE(Index::kBTree1, Index::kFixedArray, Index::kExtensibleArray, Index::kBTree2);
  NewChunkedFile(path, {{61, 43}, {5, 4}, index, 512, true});
  CHECK(map_of(path).chunks == ChunkTable(std::vector<StoredChunk>(13 * 11)));

  const hsize_t user_block = GENERATE(0u, 512u);
  H5::FileCreatPropList creation;
  creation.setUserblock(user_block);
  H5::H5File(path, H5F_ACC_TRUNC, creation)
      .createDataSet("x", H5::PredType::STD_I32LE, space_of({6}));
  CHECK(map_of(path).address == kMissing);
}

TEST_CASE("a contiguous dataset is where libhdf5 reads it", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  H5::FileCreatPropList creation;
  creation.setUserblock(GENERATE(0u, 512u, 4096u));
  {
    H5::H5File file(path, H5F_ACC_TRUNC, creation);
    write_ints(file, "x", {100, 3}, counting(300));
  }
  Dataset dataset(path, "x");
  CHECK(dataset.storage_map().chunks.empty());
  CHECK(read_by_map(dataset) == read_by_library(dataset));
}

TEST_CASE("a map keeps the filter mask of each chunk", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  H5::DSetCreatPropList creation;
  creation.setShuffle();
  const Index index =
      GENERATE(Index::kBTree1, Index::kSingle, Index::kFixedArray, Index::kExtensibleArray);
  const hsize_t count = index == Index::kSingle ? 1 : 5;
  {
    NewChunkedFile file(path, {{count * 4}, {4}, index, 0, true}, creation);
    for (hsize_t i = 0; i < count; ++i) {
      const std::string bytes(10 + i, 'x');  // of any size; nobody decodes them
      const hsize_t offset = i * 4;
      REQUIRE(H5Dwrite_chunk(file.dataset.getId(), H5P_DEFAULT, static_cast<std::uint32_t>(i % 4),
                             &offset, bytes.size(), bytes.data()) >= 0);
    }
  }
  const StorageMap map = map_of(path);
  REQUIRE(map.chunks.size() == count);
  for (std::uint64_t i = 0; i < count; ++i) {
    CHECK(map.chunks[i].filter_mask == i % 4);
    CHECK(map.chunks[i].size_bytes == 10 + i);
  }
  CHECK(misplaced_chunks(path, map) == 0);
}

TEST_CASE("a map says whether chunks at the edge are left raw", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const bool raw = GENERATE(false, true);
  const Index index = GENERATE(Index::kFixedArray, Index::kExtensibleArray, Index::kBTree2);
  H5::DSetCreatPropList creation = chunked({10, 10});
  if (raw) H5Pset_chunk_opts(creation.getId(), H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
  NewChunkedFile(path, {{25, 20}, {10, 10}, index, 0, true}, creation).write_counting();

  const StorageMap map = map_of(path);
  CHECK(map.edge_chunks_unfiltered == raw);
  REQUIRE(map.chunks.size() == 6);
  CHECK((map.chunks[5].size_bytes == 400) == raw);
  CHECK(map.chunks[0].size_bytes < 400);
  CHECK(misplaced_chunks(path, map) == 0);
}

TEST_CASE("a dataset that grew has the chunks of its present shape", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const hsize_t rows = GENERATE(0u, 1u, 23u, 61u, 90u);
  const Index index = GENERATE(Index::kExtensibleArray, Index::kBTree2);
  {
    NewChunkedFile file(path, {{61, 43}, {5, 4}, index});
    file.write_counting();
    const hsize_t shape[] = {rows, 43};
    file.dataset.extend(shape);
    H5Dset_extent(file.dataset.getId(), shape);
  }
  const StorageMap map = map_of(path);
  CHECK(map.grid == std::vector<std::uint64_t>{(rows + 4) / 5, 11});
  CHECK(map.chunks.size() == (rows + 4) / 5 * 11);
  CHECK(misplaced_chunks(path, map) == 0);
}

TEST_CASE("the map of a million chunks names every one", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  H5::DSetCreatPropList creation;
  creation.setFillTime(H5D_FILL_TIME_NEVER);
  NewChunkedFile(path, {{4'000'000}, {4}, Index::kImplicit, 512}, creation).write_at({0}, 1);

  const StorageMap map = map_of(path);
  REQUIRE(map.chunks.size() == 1'000'000);
  std::size_t wrong = 0;
  for (std::uint64_t i = 0; i < map.chunks.size(); ++i) {
    wrong += map.chunks[i] != StoredChunk{map.chunks[0].address + 16 * i, 16, 0};
  }
  CHECK(wrong == 0);
}

TEST_CASE("an index of many nodes names every chunk", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const Index index = GENERATE(Index::kBTree1, Index::kExtensibleArray);
  NewChunkedFile(path, {{800'000}, {4}, index}).write_counting();

  const StorageMap map = map_of(path);
  REQUIRE(map.chunks.size() == 200'000);
  std::size_t wrong = 0;
  for (std::uint64_t i = 0; i < map.chunks.size(); i += 97) {
    const std::vector<std::int32_t> values = counting(4, static_cast<std::int32_t>(i * 4));
    const auto bytes = std::as_bytes(std::span(values));
    wrong += bytes_at(path, map.chunks[i].address, map.chunks[i].size_bytes) !=
             std::vector<std::byte>(bytes.begin(), bytes.end());
  }
  CHECK(wrong == 0);
}

TEST_CASE("more chunks than a file can hold are left to libhdf5", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const std::vector<hsize_t> shape = GENERATE(values<std::vector<hsize_t>>(
      {{1u << 21}, {1u << 27}, {1ull << 60}, {1ull << 31, 1ull << 30}}));
  NewChunkedFile(path, {shape, std::vector<hsize_t>(shape.size(), 1), Index::kBTree1})
      .write_at(std::vector<hsize_t>(shape.size(), 0), 1);
  const StorageMap map = map_of(path);
  CHECK(map.reason_for_hdf5 == "it has too many chunks for its size, or for a table of them");
  CHECK(map.chunks.empty());
}

TEST_CASE("a dataset without elements has an empty map", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  write_counting_file(folder.file("a.h5"), 0, 3);
  CHECK(map_of(folder.file("a.h5")).address == kMissing);
  NewChunkedFile(folder.file("b.h5"), {{0, 43}, {5, 4}, Index::kBTree2});
  CHECK(map_of(folder.file("b.h5")).chunks.empty());
  CHECK(map_of(folder.file("b.h5")).reason_for_hdf5.empty());
}

TEST_CASE("a chunk outside its file is named", "[readers][hdf5][map][corrupt]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  NewChunkedFile(path, {{20, 12}, {5, 4}, Index::kBTree1}).write_counting();
  const std::uint64_t address = map_of(path).chunks[5].address;
  const std::uint64_t wrong = GENERATE(1ull << 20, 1ull << 60, (1ull << 63) - 1, UINT64_MAX - 40);
  replace_in_file(path, as_bytes(address), as_bytes(wrong));

  const Error error = error_of([&] { map_of(path); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(says(error, "map 'x' of " + path + ": chunk (1,2): "));
}

TEST_CASE("a chunk larger than its file is named", "[readers][hdf5][map][corrupt]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  NewChunkedFile(path, {{20}, {5}, Index::kBTree1, 0, true}).write_counting();
  // Of a key: the chunk's size, its filter mask and its first element.
  const auto key = [](std::uint32_t size) {
    return as_bytes(size) + as_bytes(std::uint32_t{0}) + as_bytes(std::uint64_t{10});
  };
  const auto size = static_cast<std::uint32_t>(map_of(path).chunks[2].size_bytes);
  replace_in_file(path, key(size), key(GENERATE(0u, 1u << 30, UINT32_MAX)));

  const Error error = error_of([&] { map_of(path); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(says(error, "chunk (2): "));
}

TEST_CASE("an index that cannot be read is an error, not missing chunks",
          "[readers][hdf5][map][corrupt]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  const auto [index, signature] =
      GENERATE(table<Index, std::string>({{Index::kBTree1, std::string("TREE\x01", 5)},
                                          {Index::kFixedArray, "FADB"},
                                          {Index::kExtensibleArray, "EAIB"},
                                          {Index::kBTree2, "BTLF"}}));
  NewChunkedFile(path, {{20, 12}, {5, 4}, index}).write_counting();
  replace_in_file(path, signature, "zzzz");
  CHECK(error_of([&] { map_of(path); }).code() == ErrorCode::kCorruptData);
  CHECK(error_of([&] { read_all<std::int32_t>(path, "x"); }).code() == ErrorCode::kCorruptData);
}

TEST_CASE("a file that changes while it is mapped is noticed", "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  NewChunkedFile(path, {{20, 12}, {5, 4}, Index::kBTree1}).write_counting();
  const Dataset dataset(path, "x");
  SECTION("truncated") { std::filesystem::resize_file(path, 1'000); }
  SECTION("touched") {
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  }
  CHECK(error_of([&] { dataset.storage_map(); }).code() == ErrorCode::kSourceChanged);
}

TEST_CASE("a file that is replaced after it was opened is mapped as it was",
          "[readers][hdf5][map]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  NewChunkedFile(path, {{20, 12}, {5, 4}, Index::kBTree1}).write_counting();
  const Dataset dataset(path, "x");
  const StorageMap before = dataset.storage_map();
  NewChunkedFile(folder.file("b.h5"), {{20, 12}, {5, 4}, Index::kFixedArray, 512}).write_counting();
  std::filesystem::rename(folder.file("b.h5"), path);
  CHECK(dataset.storage_map().chunks == before.chunks);
}

}  // namespace
}  // namespace h5flume::hdf5
