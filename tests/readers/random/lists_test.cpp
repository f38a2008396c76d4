#include <numeric>

#include "tests/readers/hdf5/ragged_support.h"
#include "tests/readers/random/random_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

// Requests for elements of variable length, which only libhdf5 reads: in worker processes, or, as
// the file is trusted, in this one.

namespace {

using Shape = std::vector<hsize_t>;

std::size_t count_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

// /lists and /texts of counting elements.
std::string ragged_file(const TemporaryFolder& folder, const Shape& shape,
                        const H5::DSetCreatPropList& creation = {}) {
  const std::string path = folder.file("ragged.h5");
  H5::H5File file(path, H5F_ACC_TRUNC);
  const std::size_t count = count_of(shape);
  hdf5::write_lists(file, "/lists", shape, hdf5::counting_lists(count), H5::PredType::STD_I32BE,
                    H5::PredType::NATIVE_INT32, creation);
  hdf5::write_texts(file, "/texts", shape, hdf5::counting_texts(count), creation);
  return path;
}

// What of counting elements a selection has to give.
template <class Elements>
Elements taken(const Elements& elements, const Selection& selection, const Dataset& dataset) {
  Elements result;
  for (const std::int32_t place : expected(selection, dataset.shape())) {
    result.push_back(elements[static_cast<std::size_t>(place)]);
  }
  return result;
}

struct Ragged {
  TemporaryFolder folder;
  Reader reader;
  Dataset lists;
  Dataset texts;

  explicit Ragged(const Shape& shape, bool trusted, const H5::DSetCreatPropList& creation = {})
      : reader(ragged_file(folder, shape, creation), {.workers = 2}, {.trusted = trusted}),
        lists(reader.dataset("/lists")),
        texts(reader.dataset("/texts")) {}
};

}  // namespace

TEST_CASE("any selection of elements of variable length gives what numpy would",
          "[reader][random][lists]") {
  const auto seed = test_seed();
  INFO("H5FLUME_TEST_SEED=" << seed);
  RandomSelections random(seed);
  for (int round = 0; round < 12; ++round) {
    Shape shape;
    Shape chunk;
    for (auto rank = 1 + random.below(4); rank > 0; --rank) {
      shape.push_back(1 + random.below(rank > 2 ? 6 : 40));
      chunk.push_back(1 + random.below(shape.back()));
    }
    const bool trusted = random.below(2) == 0;
    auto creation = round % 3 == 0 ? H5::DSetCreatPropList() : hdf5::chunked(chunk);
    if (round % 3 == 1) creation.setDeflate(1);
    CAPTURE(round, shape, chunk, trusted);
    const Ragged file(shape, trusted, creation);
    const auto lists = hdf5::counting_lists(count_of(shape));
    const auto texts = hdf5::without_nulls(hdf5::counting_texts(count_of(shape)));
    const Stage stage = file.lists.stage_of_bytes(8 << 20);
    for (int i = 0; i < 10; ++i) {
      const Selection selection = random.next(file.lists.shape());
      CAPTURE(to_string(selection));
      const Array read = file.lists.read(selection);
      REQUIRE(read.size() == expected(selection, file.lists.shape()).size());
      REQUIRE(hdf5::lists_in(read.lists<std::int32_t>()) == taken(lists, selection, file.lists));
      auto future = file.reader.request(file.texts[selection], stage);
      REQUIRE(hdf5::texts_in(future.get().strings()) == taken(texts, selection, file.texts));
    }
  }
}

TEST_CASE("elements of variable length lie in a stage as they do in a block",
          "[reader][random][lists]") {
  const Ragged file({50}, GENERATE(false, true));
  const Stage stage = file.lists.stage_of_bytes(4096);
  auto future = file.reader.request(file.lists[rows(20, 23)], stage);
  auto view = future.get_view();
  const auto lists = view.lists<std::int32_t>();
  CHECK(hdf5::lists_in(lists) == hdf5::slice(hdf5::counting_lists(50), 20, 3));
  CHECK(view.size() == 3);
  const auto values = lists.values().size_bytes();
  CHECK(view.bytes().size() == 4 * sizeof(std::int64_t) + values);
  CHECK_THROWS_AS(view.strings(), Error);
  CHECK_THROWS_AS(view.view<std::int32_t>(), Error);
  view.release();
  CHECK_THROWS_AS(lists[0], Error);

  std::vector<std::byte> buffer(100);
  file.reader.request(file.lists[at(1)], stage).get_into(buffer);
  CHECK(values_in<std::int32_t>(std::span(buffer).subspan(16, 28)) ==
        hdf5::counting_lists(2).back());
  file.lists[at(2)].read_into(buffer);
  CHECK(values_in<std::int64_t>(std::span(buffer).first(16)) == std::vector<std::int64_t>{0, 3});
  CHECK_THROWS_AS(file.lists[rows(0, 30)].read_into(buffer), Error);
}

TEST_CASE("requests for no elements of variable length give none", "[reader][random][lists]") {
  const Ragged file({50}, GENERATE(false, true));
  CHECK(file.lists.read(rows(7, 7)).lists<std::int32_t>().size() == 0);
  const Stage stage = file.texts.stage_of_bytes(64);
  CHECK(file.reader.request(file.texts[rows(7, 7)], stage).get().strings().size() == 0);
}

TEST_CASE("elements that do not fit into their stage are an error of that request",
          "[reader][random][lists]") {
  const Ragged file({50}, GENERATE(false, true));
  const Stage stage = file.lists.stage_of_bytes(200);
  auto too_many = file.reader.request(file.lists[rows(0, 20)], stage);
  try {
    too_many.get();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kResourceLimit);
    CHECK_THAT(error.what(), Catch::Contains("at least") && Catch::Contains("200") &&
                                 Catch::Contains("[0:20]") && Catch::Contains("/lists"));
  }
  auto few = file.reader.request(file.lists[rows(0, 3)], stage);
  CHECK(hdf5::lists_in(few.get().lists<std::int32_t>()) ==
        hdf5::slice(hdf5::counting_lists(50), 0, 3));
  // Whose offsets alone are too many is refused before it starts.
  CHECK_THROWS_AS(file.reader.request(file.lists[rows(0, 30)], stage), Error);
  CHECK_THROWS_AS(file.lists.stage({10}), Error);
  CHECK_THROWS_AS(file.lists.stage(file.lists[at(1)]), Error);
  CHECK_THROWS_AS(file.lists.stage_pool({10}, 2), Error);
}

TEST_CASE("one large element among small ones does not keep them from being read",
          "[reader][random][lists]") {
  const bool trusted = GENERATE(false, true);
  const TemporaryFolder folder;
  const std::string path = folder.file("uneven.h5");
  auto lists = hdf5::counting_lists(100);
  lists[50] = hdf5::counting(5'000'000);
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    hdf5::write_lists(file, "/x", {100}, lists, H5::PredType::NATIVE_INT32,
                      H5::PredType::NATIVE_INT32);
  }
  const Reader reader(path, {}, {.trusted = trusted});
  const Dataset dataset = reader.dataset("/x");
  const Stage stage = dataset.stage_of_bytes(1000);
  const Selection around = list({3, 99, 49, 51});  // in one box with it
  CHECK(hdf5::lists_in(reader.request(dataset[around], stage).get().lists<std::int32_t>()) ==
        taken(lists, around, dataset));
  CHECK_THROWS_AS(reader.request(dataset[at(50)], stage).get(), Error);
  CHECK(hdf5::lists_in(dataset.read(rows(40, 60)).lists<std::int32_t>()) ==
        hdf5::slice(lists, 40, 20));
}

TEST_CASE("fields of a compound with one of variable length are chosen when it is opened",
          "[reader][random][lists]") {
  struct Record {
    std::int32_t id;
    const char* name;
  };
  const TemporaryFolder folder;
  const std::string path = folder.file("records.h5");
  {
    H5::CompType type(sizeof(Record));
    type.insertMember("id", HOFFSET(Record, id), H5::PredType::NATIVE_INT32);
    type.insertMember("name", HOFFSET(Record, name), hdf5::text_type());
    H5::H5File file(path, H5F_ACC_TRUNC);
    const std::vector<Record> records{{1, "one"}, {2, "two"}, {3, "three"}};
    hdf5::write_dataset(file, "/t", {3}, records, type, type);
  }
  const Reader reader(path, {}, {.trusted = GENERATE(false, true)});
  CHECK_THROWS_AS(reader.dataset("/t"), Error);
  const Dataset names = reader.dataset("/t", {"name"});
  CHECK(hdf5::texts_in(names.read(list({2, 0})).strings()) == hdf5::Texts{"three", "one"});
  const Dataset ids = reader.dataset("/t", {"id"});
  CHECK(values_of(ids.read(rows(1, 3))) == std::vector<std::int32_t>{2, 3});
  CHECK(names.type() != ids.type());
  for (const auto& block : names.queue()) CHECK(block.strings()[1] == "two");
}
