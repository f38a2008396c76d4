#include "readers/chunks/index_file.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <functional>

#include "readers/chunks/index_memory.h"
#include "tests/readers/chunks/index_support.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

void check_round_trip(const std::string& file, const std::string& path) {
  CAPTURE(path);
  const auto before = indexed(file, path);
  REQUIRE(before.map.reason_for_hdf5.empty());
  const auto after = IndexImage(before).decode();
  CHECK(after == before);
  hdf5::Dataset dataset(file, path, {.allow_missing_filters = true});
  CHECK(read_by_index(after) == hdf5::read_by_library(dataset));
}

// A dataset in `count` chunks of two rows, gzip'd, and its index.
struct Chunked {
  explicit Chunked(hsize_t count = 5) {
    auto creation = hdf5::chunked({2, 3});
    creation.setDeflate(1);
    hdf5::write_counting_file(file, 2 * count, 3, creation);
    index = indexed(file);
  }
  TemporaryFolder folder;
  std::string file = folder.file("a.h5");
  chunks::IndexedDataset index;
};

}  // namespace

TEST_CASE("an index of every layout survives as bytes, and reads what libhdf5 reads",
          "[reader][chunks][index]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    auto gzip = hdf5::chunked({7, 8});
    gzip.setShuffle();
    gzip.setDeflate(4);
    const std::int32_t fill_value = 7;
    gzip.setFillValue(H5::PredType::NATIVE_INT32, &fill_value);
    hdf5::write_ints(file, "contiguous", {50, 3}, hdf5::counting(150));
    hdf5::write_ints(file, "unwritten", {50, 3}, {});
    hdf5::write_ints(file, "plain", {50, 30}, hdf5::counting(1500), hdf5::chunked({7, 8}));
    hdf5::write_ints(file, "gzip", {50, 30}, hdf5::counting(1500), gzip);
    hdf5::write_ints(file, "missing", {50, 30}, {}, gzip);
    const hsize_t without_limit = H5S_UNLIMITED;
    const hsize_t none = 0;
    file.createDataSet("empty", H5::PredType::STD_I32LE, H5::DataSpace(1, &none, &without_limit),
                       hdf5::chunked({4}));
    hdf5::write_dataset(file, "big_endian", {50, 3}, hdf5::counting(150), H5::PredType::STD_I32BE,
                        H5::PredType::NATIVE_INT32, hdf5::chunked({7, 3}));

    H5::StrType spaces(H5::PredType::C_S1, 3);
    spaces.setStrpad(H5T_STR_SPACEPAD);
    const hsize_t two = 2;
    H5::CompType compound(std::size_t{16});
    compound.insertMember("texts", 1, H5::ArrayType(spaces, 1, &two));
    compound.insertMember("number", 8, H5::PredType::NATIVE_DOUBLE);
    std::string text = "1ab cd 2........";
    while (text.size() < 16 * 9) text += text.substr(0, 16);
    hdf5::write_dataset(file, "compound", {9}, std::vector<char>(text.begin(), text.end()),
                        compound, compound, hdf5::chunked({4}));
    H5::EnumType colours(H5::PredType::STD_I16LE);
    std::int16_t red = 1;
    colours.insert("red", &red);
    hdf5::write_dataset(file, "enum", {9}, hdf5::counting<std::int16_t>(9), colours, colours);
  }
  for (const char* dataset : {"contiguous", "unwritten", "plain", "gzip", "missing", "empty",
                              "big_endian", "compound", "enum"}) {
    check_round_trip(path, dataset);
  }
}

TEST_CASE("an index that is cut short anywhere is refused", "[reader][chunks][index]") {
  const IndexImage whole(Chunked().index);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Error error = hdf5::error_of([&] { IndexImage(whole, size).decode(); });
    REQUIRE(error.code() == ErrorCode::kCorruptData);
  }
  CHECK(hdf5::says(hdf5::error_of([&] { IndexImage(whole, whole.size() + 8).decode(); }),
                   "it says that it has"));
}

TEST_CASE("an index with one bit changed anywhere is refused, or the bit means nothing",
          "[reader][chunks][index]") {
  const Chunked data;
  const IndexImage image(data.index);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < image.size(); ++at) {
    const std::byte bit{static_cast<unsigned char>(1u << at % 8)};
    image.data()[at] ^= bit;
    bool same = false;  // after a change of what lies between two sections
    try {
      same = image.decode() == data.index;
    } catch (const Error& error) {
      same = error.code() == ErrorCode::kCorruptData;
      ++refused;
    }
    REQUIRE(same);
    image.data()[at] ^= bit;
  }
  CHECK(image.size() - refused < 3 * 64);  // what fills up three sections
  CHECK(image.decode() == data.index);
}

TEST_CASE("an index whose contents contradict each other is refused, be its checksums right",
          "[reader][chunks][index]") {
  Chunked data;
  auto& [info, identity, map, outside] = data.index;
  std::vector<hdf5::StoredChunk> table(map.chunks.begin(), map.chunks.end());
  std::string cause;
  SECTION("a chunk beyond the end of the file") {
    table[3].address = identity.size_bytes - table[3].size_bytes + 1;
    cause = "chunk (3,0)";
  }
  SECTION("a chunk that wraps around") {
    table[3] = {UINT64_MAX - 8, 16, 0};
    cause = "chunk (3,0)";
  }
  SECTION("a chunk of no bytes") {
    table[0].size_bytes = 0;
    cause = "chunk (0,0)";
  }
  SECTION("a missing chunk that has bytes") {
    table[4].address = hdf5::kMissing;
    cause = "chunk (4,0)";
  }
  SECTION("a chunk too few") {
    table.pop_back();
    cause = "one entry for each chunk";
  }
  SECTION("a chunk too many") {
    table.push_back(table[0]);
    cause = "one entry for each chunk";
  }
  SECTION("more rows than chunks") {
    info.shape[0] = 1000;
    cause = "one entry for each chunk";
  }
  SECTION("chunks without an extent") {
    info.chunk[1] = 0;
    cause = "its chunks hold nothing";
  }
  SECTION("chunks larger than the address space") {
    info.chunk = {std::uint64_t{1} << 40, std::uint64_t{1} << 40};
    cause = "its chunks overflow";
  }
  SECTION("more chunks than the file can hold") {
    info.shape[0] = std::uint64_t{1} << 40;
    cause = "too many chunks";
  }
  SECTION("chunks of another rank") {
    info.chunk.push_back(1);
    cause = "rank";
  }
  SECTION("more axes than HDF5 has") {
    info.shape.resize(40, 1);
    info.chunk.resize(40, 1);
    cause = "axes";
  }
  SECTION("an unknown filter") {
    info.filters[0].id = 12345;
    cause = "12345";
  }
  SECTION("a layout that has no index") {
    info.layout = hdf5::Layout::kVirtual;
    cause = "its layout has no index";
  }
  SECTION("contiguous with chunks") {
    info.layout = hdf5::Layout::kContiguous;
    cause = "it is contiguous, and has chunks";
  }
  SECTION("contiguous beyond the end of the file") {
    info.layout = hdf5::Layout::kContiguous;
    info.chunk.clear();
    info.filters.clear();
    table.clear();
    map.address = identity.size_bytes - 10;
    cause = "its values lie outside of the file";
  }
  SECTION("elements of two sizes") {
    map.element_bytes = 8;
    cause = "its elements have two sizes";
  }
  SECTION("a fill value of another size") {
    map.fill.resize(3);
    cause = "its fill value is no element";
  }
  SECTION("units that divide nothing") {
    map.swap_bytes = 3;
    cause = "byte order";
  }
  SECTION("strings beyond their element") {
    map.text = {{.offset = 2, .size = 3}};
    cause = "its strings lie outside their element";
  }
  SECTION("strings that go on for ever") {
    map.text = {{.offset = 0, .size = 1, .loops = {{std::size_t{1} << 60, 0}}}};
    cause = "its strings lie outside their element";
  }
  SECTION("strings one over the other") {
    map.text = std::vector<hdf5::TextRun>(5, {.offset = 0, .size = 1});
    cause = "its strings overlap";
  }
  map.chunks = hdf5::ChunkTable(table);
  const Error error = hdf5::error_of([&] { IndexImage(data.index).decode(); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(hdf5::says(error, cause));
}

TEST_CASE("chunks are used where they lie, and keep their bytes alive", "[reader][chunks][index]") {
  const Chunked data;
  std::optional<IndexImage> image(data.index);
  auto decoded = image->decode();
  const auto* const first = reinterpret_cast<const std::byte*>(decoded.map.chunks.begin());
  CHECK(first >= image->data());
  CHECK(first < image->data() + image->size());
  image.reset();
  CHECK(decoded == data.index);
}

TEST_CASE("an index travels in memory that cannot be changed", "[reader][chunks][index]") {
  const Chunked data;
  FileDescriptor memory = chunks::index_to_memory(data.index);
  CHECK(::ftruncate(memory.get(), 0) != 0);
  CHECK(::write(memory.get(), "x", 1) < 0);
  CHECK(chunks::index_from_memory(std::move(memory)) == data.index);
}

TEST_CASE("an index in memory that could be changed is refused", "[reader][chunks][index]") {
  const IndexImage image(Chunked().index);
  const auto from = [&](int descriptor) {
    REQUIRE(::write(descriptor, image.data(), image.size()) == static_cast<ssize_t>(image.size()));
    return hdf5::error_of([&] { chunks::index_from_memory(FileDescriptor(descriptor)); });
  };
  const int unsealed = ::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(hdf5::says(from(unsealed), "its memory is not sealed"));
  const TemporaryFolder folder;
  const int file = ::open(folder.file("index").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(hdf5::says(from(file), "its memory is not sealed"));
}
