// Chunks that others wrote: libhdf5 on this machine, and the filter plugins of hdf5plugin.

#include <sstream>
#include <string_view>

#include "readers/chunks/filter_pipeline.h"
#include "tests/readers/chunks/encoders.h"
#include "tests/readers/hdf5/hdf5_support.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using h5flume::chunks::FilterPipeline;

namespace {

struct StoredChunk {
  Bytes bytes;
  std::uint32_t filter_mask = 0;
};

StoredChunk read_stored(const std::string& file, const std::string& path) {
  const H5::H5File open(file, H5F_ACC_RDONLY);
  const H5::DataSet dataset = open.openDataSet(path);
  const hsize_t origin[] = {0, 0};
  hsize_t bytes = 0;
  REQUIRE(H5Dget_chunk_storage_size(dataset.getId(), origin, &bytes) >= 0);
  StoredChunk chunk;
  chunk.bytes.resize(bytes);
  REQUIRE(H5Dread_chunk(dataset.getId(), H5P_DEFAULT, origin, &chunk.filter_mask,
                        chunk.bytes.data()) >= 0);
  return chunk;
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

TEST_CASE("what libhdf5 stores is decoded as libhdf5 decodes it", "[readers][chunks]") {
  const auto type = GENERATE(H5::PredType::STD_U8LE, H5::PredType::STD_I16BE,
                             H5::PredType::IEEE_F32LE, H5::PredType::IEEE_F64LE);
  const auto filters = GENERATE(std::string("gzip"), "shuffle gzip", "shuffle gzip fletcher32",
                                "fletcher32 gzip", "gzip gzip", "shuffle", "fletcher32", "szip nn",
                                "szip ec", "shuffle szip nn fletcher32");
  CAPTURE(type.getSize(), filters);
  if (filters.find("szip") != std::string::npos && H5Zfilter_avail(H5Z_FILTER_SZIP) <= 0) return;

  H5::DSetCreatPropList creation;
  const hsize_t rows = 700;
  const hsize_t columns = 3;
  const hsize_t chunk[] = {rows, columns};
  creation.setChunk(2, chunk);
  std::istringstream words(filters);
  for (std::string word; words >> word;) {
    if (word == "gzip") creation.setDeflate(5);
    if (word == "shuffle") creation.setShuffle();
    if (word == "fletcher32") creation.setFletcher32();
    if (word == "nn") creation.setSzip(H5_SZIP_NN_OPTION_MASK, 16);
    if (word == "ec") creation.setSzip(H5_SZIP_EC_OPTION_MASK, 16);
  }

  const hdf5::ScratchFolder folder;
  const std::string name = folder.file("stored.h5");
  std::vector<std::int32_t> values(rows * columns);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(i * i % 113);
  {
    H5::H5File file(name, H5F_ACC_TRUNC);
    hdf5::write_dataset(file, "/x", {rows, columns}, values, type, H5::PredType::NATIVE_INT32,
                        creation);
  }

  const StoredChunk stored = read_stored(name, "/x");
  hdf5::Dataset dataset(name, "/x");
  Bytes decoded(values.size() * type.getSize());
  FilterPipeline pipeline(dataset.info().filters, decoded.size());
  pipeline.decode(stored.bytes, stored.filter_mask, decoded);

  Bytes expected(decoded.size());
  dataset.read_rows(0, rows, expected);
  if (type == H5::PredType::STD_I16BE) {  // a chunk is in the file's byte order
    for (std::size_t i = 0; i < decoded.size(); i += 2) std::swap(decoded[i], decoded[i + 1]);
  }
  CHECK(decoded == expected);
}

TEST_CASE("what the bitshuffle and lz4 plugins store is decoded", "[readers][chunks]") {
  // 20 elements of 16 bits, 7 + 263 * i; for lz4 alone three times over, in blocks of 100 bytes.
  Bytes data;
  for (unsigned i = 0; i < 20; ++i) {
    data.push_back(static_cast<std::byte>(7 + 263 * i));
    data.push_back(static_cast<std::byte>((7 + 263 * i) >> 8));
  }
  const auto decode = [](const hdf5::Filter& filter, std::size_t bytes, std::string_view stored) {
    Bytes out(bytes);
    FilterPipeline({filter}, bytes).decode(from_hex(stored), 0, out);
    return out;
  };
  CHECK(decode(bitshuffle_filter(2, BitshuffleWith::kNothing), 40,
               "555533330f0faa55cc99f0e100fe0000aaaaccccf0f000ff0000000000000000"
               "77107e1185128c13") == data);
  CHECK(decode(bitshuffle_filter(2, BitshuffleWith::kLz4), 40,
               "00000000000000280000002000000022f011"
               "555533330f0faa55cc99f0e100fe0000aaaaccccf0f000ff0000000000000000"
               "77107e1185128c13") == data);
  CHECK(decode(bitshuffle_filter(2, BitshuffleWith::kZstd), 40,
               "0000000000000028000000200000002928b52ffd2020010100"
               "555533330f0faa55cc99f0e100fe0000aaaaccccf0f000ff0000000000000000"
               "77107e1185128c13") == data);

  Bytes thrice = data;
  for (int i = 0; i < 2; ++i) thrice.insert(thrice.end(), data.begin(), data.end());
  CHECK(decode(lz4_filter(100), 120,
               "00000000000000780000006400000033ff1907000e0115021c0323042a05310638073f0846094d0a54"
               "0b5b0c620d690e700f77107e1185128c1328002450073f084609000000144d0a540b5b0c620d690e70"
               "0f77107e1185128c13") == thrice);
}
