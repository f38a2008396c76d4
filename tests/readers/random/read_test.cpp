#include "tests/readers/random/random_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

TEST_CASE("any selection of any storage gives what numpy would", "[reader][random]") {
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  RandomSelections random(seed);
  for (int round = 0; round < 40; ++round) {
    const TemporaryFolder folder;
    std::vector<hsize_t> shape;
    std::vector<hsize_t> chunk;
    for (auto rank = 1 + random.below(4); rank > 0; --rank) {
      shape.push_back(1 + random.below(24));
      chunk.push_back(1 + random.below(shape.back()));
    }
    const auto storage = static_cast<Storage>(random.below(4));
    CAPTURE(round, name_of(storage), shape, chunk);
    Reader reader(counting_file(folder, shape, creation_of(storage, chunk)),
                  {.chunk_cache_bytes = random.below(3) * 1000});
    const Dataset dataset = reader.dataset("/x");
    for (int i = 0; i < 20; ++i) {
      const Selection selection = random.next(dataset.shape());
      const Request wanted = dataset[selection];
      CAPTURE(to_string(selection));
      REQUIRE(wanted.shape() == resolve(selection, dataset.shape()).shape);
      REQUIRE(values_of(wanted.read()) == expected(selection, dataset.shape()));
    }
  }
}

TEST_CASE("chunks that were never written are the fill value", "[reader][random]") {
  const TemporaryFolder folder;
  const bool gzip = GENERATE(false, true);
  const std::string path = folder.file("holes.h5");
  {
    auto creation = creation_of(gzip ? Storage::kGzip : Storage::kChunked, {4, 5});
    const std::int32_t fill = -7;
    creation.setFillValue(H5::PredType::NATIVE_INT32, &fill);
    H5::H5File file(path, H5F_ACC_TRUNC);
    auto dataset =
        file.createDataSet("/x", H5::PredType::STD_I32LE, hdf5::space_of({20, 10}), creation);
    const hsize_t start[] = {8, 5};
    const hsize_t count[] = {4, 5};
    auto place = dataset.getSpace();
    place.selectHyperslab(H5S_SELECT_SET, count, start);
    const auto values = hdf5::counting(20);
    dataset.write(values.data(), H5::PredType::NATIVE_INT32, hdf5::space_of({4, 5}), place);
  }
  Reader reader(path);
  CHECK(values_of(reader.dataset("/x").read(select(rows(7, 10), span(4, 7)))) ==
        std::vector<std::int32_t>{-7, -7, -7, -7, 0, 1, -7, 5, 6});
}

TEST_CASE("fields, nested fields and arrays in fields are picked before and after rows",
          "[reader][random]") {
  struct Inner {
    std::int16_t a;
    double b;
  };
  struct Record {
    std::int8_t id;
    Inner inner;
    std::int32_t pair[2];
  };
  const bool gzip = GENERATE(false, true);
  const TemporaryFolder folder;
  const std::string path = folder.file("table.h5");
  {
    H5::CompType inner(sizeof(Inner));
    inner.insertMember("a", offsetof(Inner, a), H5::PredType::NATIVE_INT16);
    inner.insertMember("b", offsetof(Inner, b), H5::PredType::NATIVE_DOUBLE);
    const hsize_t dims[] = {2};
    H5::CompType record(sizeof(Record));
    record.insertMember("id", offsetof(Record, id), H5::PredType::NATIVE_INT8);
    record.insertMember("inner", offsetof(Record, inner), inner);
    record.insertMember("pair", offsetof(Record, pair),
                        H5::ArrayType(H5::PredType::NATIVE_INT32, 1, dims));
    std::vector<Record> records(50);
    for (int i = 0; i < 50; ++i) {
      records[i] = {static_cast<std::int8_t>(i),
                    {static_cast<std::int16_t>(100 + i), i / 2.0},
                    {1000 + i, -i}};
    }
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_dataset(file, "/t", {50}, records, record, record,
                        gzip ? creation_of(Storage::kGzip, {7}) : H5::DSetCreatPropList());
  }
  Reader reader(path);
  const Dataset table = reader.dataset("/t");

  CHECK(values_of<std::int8_t>(table[field("id")][rows(3, 6)].read()) ==
        std::vector<std::int8_t>{3, 4, 5});
  CHECK(values_of<double>(table[rows(10, 4, -3)][field("inner")][field("b")].read()) ==
        std::vector<double>{5, 3.5});
  CHECK(values_of<std::int16_t>(table[field("inner/a")][at(-1)].read()) ==
        std::vector<std::int16_t>{149});

  const Array pairs = table[select(list({40, 2}))][field("pair")].read();
  CHECK(pairs.shape() == std::vector<std::uint64_t>{2, 2});
  CHECK(values_of(pairs) == std::vector<std::int32_t>{1040, -40, 1002, -2});
  CHECK(values_of(table[field("pair")][select(rows(5, 8), at(1))].read()) ==
        std::vector<std::int32_t>{-5, -6, -7});

  const Array some = table[fields("pair", "id")][at(9)].read();
  CHECK(some.shape().empty());
  CHECK(some.type().size == 9);
  CHECK(values_in(some.bytes().first(8)) == std::vector<std::int32_t>{1009, -9});
  CHECK(some.bytes()[8] == std::byte{9});

  CHECK_THROWS_WITH(table[field("nobody")], contains("no field 'nobody'"));
  CHECK_THROWS_WITH(table[fields("id", "id")], contains("more than once"));
  CHECK_THROWS_WITH(table[field("id")][field("more")], contains("has no fields"));
}

TEST_CASE("numbers of the other byte order and padded text come as ever", "[reader][random]") {
  const TemporaryFolder folder;
  const auto storage = GENERATE(Storage::kContiguous, Storage::kGzip);
  const std::string path = folder.file("odd.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_dataset(file, "/big", {30}, hdf5::counting<std::int32_t>(30),
                        H5::PredType::STD_I32BE, H5::PredType::NATIVE_INT32,
                        creation_of(storage, {8}));
    H5::StrType spaces(H5::PredType::C_S1, 4);
    spaces.setStrpad(H5T_STR_SPACEPAD);
    const std::string words = "ab  c   defg";
    hdf5::write_dataset(file, "/text", {3}, std::vector<char>(words.begin(), words.end()), spaces,
                        spaces, creation_of(storage, {2}));
  }
  Reader reader(path);
  CHECK(values_of(reader.dataset("/big").read(rows(20, 0, -9))) ==
        std::vector<std::int32_t>{20, 11, 2});
  const auto text = values_of<char>(reader.dataset("/text").read(list({1, 0})));
  CHECK(std::string(text.begin(), text.end()) == std::string("c\0\0\0ab\0\0", 8));
}

TEST_CASE("a bad selection is an error at the caller, and the reader lives on",
          "[reader][random]") {
  const TemporaryFolder folder;
  Reader reader(counting_file(folder, Storage::kGzip));
  const Dataset dataset = reader.dataset("/x");
  CHECK_THROWS_WITH(dataset[at(100)], contains("'/x'") && contains("out of bounds"));
  CHECK_THROWS_AS(dataset[select(0, 0, 0)], Error);
  CHECK_THROWS_WITH(dataset[field("a")], contains("has no fields"));
  CHECK_THROWS_AS(reader.dataset("/y"), Error);
  CHECK(values_of(dataset.read(at(99))) == row_of_40(99));
}

TEST_CASE("a damaged chunk fails the requests that need it, and no others", "[reader][random]") {
  const TemporaryFolder folder;
  const std::string path = counting_file(folder, Storage::kGzip);
  {
    H5::H5File file(path, H5F_ACC_RDWR);
    const std::vector<std::uint8_t> garbage(40, 0xff);
    const hsize_t chunk[] = {16, 0};
    REQUIRE(H5Dwrite_chunk(file.openDataSet("/x").getId(), H5P_DEFAULT, 0, chunk, garbage.size(),
                           garbage.data()) >= 0);
  }
  Reader reader(path);
  const Dataset dataset = reader.dataset("/x");
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(dataset.read(rows(0, 20)),
                      contains("read '/x' [0:20]") && contains("chunk (2,0)"));
    CHECK(values_of(dataset.read(at(15))) == row_of_40(15));
    CHECK(values_of(dataset.read(at(24))) == row_of_40(24));
  }
}

TEST_CASE("a file that is cut short or replaced is noticed", "[reader][random]") {
  const TemporaryFolder folder;
  const std::string path = counting_file(folder, Storage::kContiguous);
  Reader reader(path);
  const Dataset dataset = reader.dataset("/x");
  std::filesystem::resize_file(path, 4096);
  try {
    dataset.read(at(99));
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kSourceChanged);
  }
}

TEST_CASE("nothing, one element and everything are requests like others", "[reader][random]") {
  const TemporaryFolder folder;
  Reader reader(counting_file(folder, GENERATE(Storage::kContiguous, Storage::kTinyChunks)));
  const Dataset dataset = reader.dataset("/x");
  CHECK(dataset.read(rows(5, 5)).shape() == std::vector<std::uint64_t>{0, 40});
  CHECK(values_of(dataset.read(select(7, 3))) == std::vector<std::int32_t>{283});
  CHECK(values_of(dataset.read({})) == hdf5::counting(4000));
}

TEST_CASE("a thousand coordinates, unsorted and with repeats, are one request",
          "[reader][random]") {
  const TemporaryFolder folder;
  Reader reader(counting_file(folder, GENERATE(Storage::kContiguous, Storage::kGzip)));
  const Dataset dataset = reader.dataset("/x");
  RandomSelections random(3);
  std::vector<std::int64_t> rows(1000);
  for (auto& row : rows) row = static_cast<std::int64_t>(random.below(100));
  const auto stage = dataset.stage({1000});
  CHECK(values_of(reader.request(dataset[list(rows)], stage).get()) ==
        expected(list(rows), dataset.shape()));
}
