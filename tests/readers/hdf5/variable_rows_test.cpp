#include <filesystem>
#include <fstream>

#include "readers/chunks/row_reader.h"
#include "readers/hdf5/value_arena_internal.h"
#include "tests/readers/hdf5/ragged_support.h"

namespace h5flume::hdf5 {
namespace {

using H5::PredType;

H5::DSetCreatPropList gzipped(const std::vector<hsize_t>& chunk) {
  H5::DSetCreatPropList creation = chunked(chunk);
  creation.setDeflate(4);
  return creation;
}

std::vector<std::pair<std::string, H5::DSetCreatPropList>> layouts() {
  H5::DSetCreatPropList compact;
  compact.setLayout(H5D_COMPACT);
  return {{"contiguous", {}},
          {"compact", compact},
          {"chunked", chunked({7, 2})},
          {"gzip", gzipped({7, 2})}};
}

std::vector<std::byte> long_list(std::size_t size_bytes) {
  return std::vector<std::byte>(size_bytes, std::byte{1});
}

TEST_CASE("strings of any length are read from every layout, in C order",
          "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  const Texts texts = counting_texts(23 * 5);
  for (const auto& [name, creation] : layouts()) {
    CAPTURE(name);
    {
      H5::H5File file(folder.file(name), H5F_ACC_TRUNC);
      write_texts(file, "x", {23, 5}, texts, creation);
    }
    CHECK(read_texts(folder.file(name), "x") == without_nulls(texts));
  }
}

TEST_CASE("sequences are read from every layout, in native byte order", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  const auto lists = counting_lists(23 * 5);
  const PredType stored = GENERATE(PredType::STD_I32LE, PredType::STD_I32BE, PredType::STD_I64BE);
  for (const auto& [name, creation] : layouts()) {
    CAPTURE(name);
    {
      H5::H5File file(folder.file(name), H5F_ACC_TRUNC);
      write_lists(file, "x", {23, 5}, lists, stored, PredType::NATIVE_INT32, creation);
    }
    if (stored == PredType::STD_I64BE) {
      CHECK(read_lists<std::int64_t>(folder.file(name), "x")[17].at(2) == 1702);
    } else {
      CHECK(read_lists<std::int32_t>(folder.file(name), "x") == lists);
    }
  }
}

TEST_CASE("a dataset of variable length is described as such", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_texts(file, "text", {4}, counting_texts(4));
    write_lists(file, "list", {20, 5}, counting_lists(100), PredType::STD_I16BE,
                PredType::NATIVE_INT32);
  }
  const DatasetInfo text = Dataset(folder.file("a.h5"), "text").info();
  CHECK(to_string(text.type) == "string");
  CHECK(text.type.is_variable_length());
  CHECK(text.type.value_size() == 1);
  const DatasetInfo list = Dataset(folder.file("a.h5"), "list").info();
  CHECK(to_string(list.type) == "list of int16");
  CHECK(list.type.value_size() == 2);
  CHECK(list.row_elements() == 5);
  CHECK(list.row_bytes() == 0);
  CHECK(list.decoded_bytes() == 0);
  CHECK(list.mean_value_bytes_at_most == std::filesystem::file_size(folder.file("a.h5")) / 100);
  CHECK(Dataset(folder.file("a.h5"), "list").storage_map().reason_for_hdf5 ==
        "its elements are of variable length");
}

TEST_CASE("values may be any type of a fixed size", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  struct Hit {
    std::int16_t channel;
    double energy;
    char name[3];
    bool operator==(const Hit&) const = default;
  };
  H5::CompType memory(sizeof(Hit));
  memory.insertMember("channel", HOFFSET(Hit, channel), PredType::NATIVE_INT16);
  memory.insertMember("energy", HOFFSET(Hit, energy), PredType::NATIVE_DOUBLE);
  memory.insertMember("name", HOFFSET(Hit, name), H5::StrType(PredType::C_S1, 3));
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_lists<Hit>(file, "hits", {2}, {{{1, 2.5, "ab"}, {2, 3.5, "a"}}, {}}, memory, memory);
    const Lists<char> words{{'a', ' ', 'b', ' ', 'c', 'd'}, {}};
    H5::StrType padded(PredType::C_S1, 2);
    padded.setStrpad(H5T_STR_SPACEPAD);
    std::vector<hvl_t> pointers{{3, const_cast<char*>(words[0].data())}, {0, nullptr}};
    write_dataset(file, "words", {2}, pointers, H5::VarLenType(padded), H5::VarLenType(padded));
  }
  CHECK(read_lists<Hit>(folder.file("a.h5"), "hits") ==
        Lists<Hit>{{{1, 2.5, "ab"}, {2, 3.5, "a"}}, {}});
  CHECK(read_lists<std::array<char, 2>>(folder.file("a.h5"), "words")[0] ==
        std::vector<std::array<char, 2>>{{'a', 0}, {'b', 0}, {'c', 'd'}});
  CHECK(to_string(Dataset(folder.file("a.h5"), "words").info().type) == "list of S2");
}

struct Mention {
  std::int32_t id;
  const char* text;
  struct {
    hvl_t hits;
    double weight;
  } inner;
};

H5::CompType mention_type() {
  H5::CompType inner(sizeof Mention::inner);
  inner.insertMember("hits", 0, H5::VarLenType(PredType::NATIVE_INT32));
  inner.insertMember("weight", sizeof(hvl_t), PredType::NATIVE_DOUBLE);
  H5::CompType type(sizeof(Mention));
  type.insertMember("id", HOFFSET(Mention, id), PredType::NATIVE_INT32);
  type.insertMember("text", HOFFSET(Mention, text), text_type());
  type.insertMember("inner", HOFFSET(Mention, inner), inner);
  return type;
}

TEST_CASE("one field of variable length is read out of compounds", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  auto lists = counting_lists(50);
  const auto texts = without_nulls(counting_texts(50));
  std::vector<Mention> mentions;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    mentions.push_back({1, texts[i]->c_str(), {{lists[i].size(), lists[i].data()}, 2.5}});
  }
  const std::string path = folder.file("a.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    write_dataset(file, "x", {50}, mentions, mention_type(), mention_type(), gzipped({8}));
  }
  Dataset text(path, "x", {.fields = {"text"}});
  CHECK(to_string(text.info().type) == "string");
  const auto text_bytes = rows_as_block(text, 0, 50);
  CHECK(texts_in(StringsView(ListLayout(nullptr, text_bytes, 50, 1))) == texts);

  Dataset hits(path, "x", {.fields = {"inner/hits"}});
  CHECK(to_string(hits.info().type) == "list of int32");
  const auto list_bytes = rows_as_block(hits, 10, 30);
  CHECK(lists_in(ListsView<std::int32_t>(ListLayout(nullptr, list_bytes, 30, 4))) ==
        slice(lists, 10, 30));

  CHECK(read_all<std::int32_t>(path, "x", {.fields = {"id"}}) == std::vector<std::int32_t>(50, 1));
  CHECK(says(open_error(path, "x"), "field 'text': the type variable-length string"));
  CHECK(says(open_error(path, "x", {.fields = {"id", "text"}}),
             "field 'text': the type variable-length string inside another type"));
}

TEST_CASE("what was never written is empty, or the fill value", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    for (const auto& [name, creation] : layouts()) {
      file.createDataSet("text_" + name, text_type(), space_of({9, 2}), creation);
      file.createDataSet("list_" + name, H5::VarLenType(PredType::STD_I8LE), space_of({9, 2}),
                         creation);
    }
    H5::DSetCreatPropList filled = chunked({4, 2});
    const char* const fill = "nothing";
    filled.setFillValue(text_type(), &fill);
    file.createDataSet("filled", text_type(), space_of({9, 2}), filled);
  }
  for (const auto& [name, creation] : layouts()) {
    CHECK(read_texts(folder.file("a.h5"), "text_" + name) == Texts(18, ""));
    CHECK(read_lists<std::int8_t>(folder.file("a.h5"), "list_" + name) == Lists<std::int8_t>(18));
  }
  CHECK(read_texts(folder.file("a.h5"), "filled") == Texts(18, "nothing"));
}

TEST_CASE("a string ends at its first NUL, however it is padded", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  const H5T_str_t padding = GENERATE(H5T_STR_NULLTERM, H5T_STR_NULLPAD, H5T_STR_SPACEPAD);
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_texts(file, "x", {3}, {"one", "two  ", ""}, {}, text_type(padding));
  }
  CHECK(read_texts(folder.file("a.h5"), "x") == Texts{"one", "two  ", ""});
}

TEST_CASE("more elements than a batch has are read in several", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  const auto lists = counting_lists(10'000);
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_lists(file, "x", {10'000}, lists, PredType::STD_I32LE, PredType::NATIVE_INT32,
                gzipped({300}));
    write_lists(file, "wide", {2, 5'000}, lists, PredType::STD_I32LE, PredType::NATIVE_INT32);
  }
  CHECK(read_lists<std::int32_t>(folder.file("a.h5"), "x") == lists);
  CHECK(read_lists<std::int32_t>(folder.file("a.h5"), "wide") == lists);
  Dataset dataset(folder.file("a.h5"), "x");
  const auto bytes = rows_as_block(dataset, 4'000, 200);
  CHECK(lists_in(ListsView<std::int32_t>(ListLayout(nullptr, bytes, 200, 4))) ==
        slice(lists, 4'000, 200));
}

TEST_CASE("values that do not fit are counted, and far too many are not even read",
          "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_lists<std::byte>(file, "x", {3}, {long_list(1'000), long_list(20'000'000), long_list(7)},
                           PredType::STD_U8LE, PredType::NATIVE_UINT8);
  }
  Dataset dataset(folder.file("a.h5"), "x");
  std::vector<std::byte> memory(500);

  ListWriter small(memory, 1, 1);
  dataset.append_rows(0, 1, small);
  CHECK_FALSE(small.given_up());
  CHECK(small.needed_bytes() == 16 + 1'000);

  ListWriter large(memory, 3, 1);
  dataset.append_rows(0, 3, large);
  CHECK(large.given_up());
  CHECK(large.needed_bytes() == 32 + 1'000 + 20'000'000);
  CHECK(rows_as_block(dataset, 1, 2, 30'000'000).size() == 24 + 20'000'000 + 7);
}

TEST_CASE("rows of a fixed and of a variable length are not read as each other",
          "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  {
    H5::H5File file(folder.file("a.h5"), H5F_ACC_TRUNC);
    write_texts(file, "text", {3}, {"one", "two", "three"});
    write_ints(file, "x", {3}, {1, 2, 3});
  }
  Dataset text(folder.file("a.h5"), "text");
  Dataset fixed(folder.file("a.h5"), "x");
  std::vector<std::byte> memory(100);
  ListWriter writer(memory, 3, 1);
  CHECK(says(error_of([&] { fixed.append_rows(0, 3, writer); }), "are not of variable length"));
  CHECK(says(error_of([&] { text.read_rows(0, 3, memory); }), "are of variable length"));
  CHECK(error_of([&] { text.append_rows(2, 2, writer); }).code() == ErrorCode::kInvalidArgument);
  const auto direct = open_row_reader(folder.file("a.h5"), "x");
  CHECK(error_of([&] { direct->append_rows(0, 3, writer); }).code() == ErrorCode::kUnsupported);
  CHECK(open_row_reader(folder.file("a.h5"), "text")->info().hdf5_reason ==
        "its elements are of variable length");
}

TEST_CASE("damaged values are an error, and nothing leaks", "[readers][hdf5][lists]") {
  const ScratchFolder folder;
  const std::string path = folder.file("a.h5");
  {
    H5::H5File file(path, H5F_ACC_TRUNC);
    write_lists(file, "x", {500}, counting_lists(500), PredType::STD_I32LE, PredType::NATIVE_INT32);
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::size_t heap = bytes.rfind("GCOL");  // where some of the values are, not the first
  REQUIRE(heap != std::string::npos);
  file.seekp(static_cast<std::streamoff>(heap));
  file.write("LOCG", 4);
  file.close();
  Dataset dataset(path, "x");
  const Error error = error_of([&] { rows_as_block(dataset, 0, 500); });
  CHECK(error.code() == ErrorCode::kCorruptData);
  CHECK(says(error, "read 'x' rows 0-499 of " + path));
}

TEST_CASE("an arena hands out what its limit allows, aligned", "[readers][hdf5][lists]") {
  ValueArena arena(3'000'000);
  const auto transfer = arena.transfer();
  H5MM_allocate_t allocate = nullptr;
  void* info = nullptr;
  H5MM_free_t release = nullptr;
  void* release_info = nullptr;
  transfer.getVlenMemManager(allocate, &info, release, &release_info);
  const auto take = [&](std::size_t bytes) { return allocate(bytes, info); };
  CHECK(take(0) != nullptr);
  for (int i = 0; i < 100; ++i) {
    void* const memory = take(i + 1);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t) == 0);
    std::memset(memory, i, i + 1);
  }
  void* const large = take(2'000'000);
  REQUIRE(large != nullptr);
  std::memset(large, 1, 2'000'000);
  CHECK(arena.refused_bytes() == 0);
  CHECK(take(1'000'000) == nullptr);
  CHECK(arena.refused_bytes() == 5'050 + 3'000'000);
  CHECK(take(SIZE_MAX) == nullptr);
  CHECK(arena.refused_bytes() == UINT64_MAX);
  CHECK(take(1'000) != nullptr);
  release(large, release_info);
}

}  // namespace
}  // namespace h5flume::hdf5
