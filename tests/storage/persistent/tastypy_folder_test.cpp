#include "core/error.h"
#include "storage/persistent/exchange/tastypy_folder_internal.h"
#include "storage/persistent/exchange/tastypy_lines_internal.h"
#include "tests/storage/persistent/exchange_fixture.h"

using namespace h5flume;
using namespace h5flume::persistent;
using namespace h5flume::test;

namespace {

using Lines = std::vector<std::string>;

Lines lines_in(const std::string& path) {
  TastypyFolderReader reader(path);
  return drain(reader);
}

// A folder with these files.
struct Folder {
  TemporaryFolder root;
  std::string path = root.file("tastypy");

  explicit Folder(const std::vector<std::pair<std::string, std::string>>& files) {
    std::filesystem::create_directory(path);
    for (const auto& [name, bytes] : files) write_file(path + "/" + name, bytes);
  }
};

Lines lines_of_files(const std::vector<std::pair<std::string, std::string>>& files) {
  return lines_in(Folder(files).path);
}

}  // namespace

TEST_CASE("backslashes in keys are doubled, and nothing in values is",
          "[storage][persistent][exchange]") {
  // As tastypy 0.0.3 writes them: tests/storage/persistent/tastypy/dict.
  CHECK(to_tastypy_line(DictItem{"a tab\there", "\t"}) == "\"a tab\\\\there\"\t\"\\t\"");
  CHECK(to_tastypy_line(DictItem{"\\t is no tab", 1}) == "\"\\\\\\\\t is no tab\"\t1");
  CHECK(to_tastypy_line(DictItem{"größe", "𝄞"}) == "\"gr\\\\u00f6\\\\u00dfe\"\t\"\\ud834\\udd1e\"");
  CHECK(to_tastypy_line(DictItem{Key::tuple("a\\", 1), {{"x", nullptr}}}) ==
        "[\"a\\\\\\\\\",1]\t{\"x\":null}");
}

TEST_CASE("a key is read as Python's re reads it", "[storage][persistent][exchange]") {
  const auto key = [](const std::string& text) {
    return dict_item_from_tastypy_line(text + "\t1").key;
  };
  CHECK(key(R"("a\\tb")") == Key("a\tb"));
  CHECK(key(R"("\\\\t")") == Key("\\t"));
  CHECK(key(R"("a\\\\\\tb")") == Key("a\\\tb"));
  // A single backslash, which tastypy does not write, is as good as a double one before anything
  // but t; before t it stands for a tab, which JSON has in no text.
  CHECK(key(R"("a\nb")") == Key("a\nb"));
  CHECK_THROWS_WITH(key(R"("a\tb")"), contains("key: no JSON at byte"));
  CHECK(key(R"([1,\t2])") == Key::tuple(1, 2));
  CHECK(key(R"(\t1)") == Key(1));
  CHECK_THROWS_WITH(key(R"([1,\t\t2])"), contains("key: no JSON"));  // the second is none
}

TEST_CASE("lines of tastypy come back as they were", "[storage][persistent][exchange][random]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  RandomJson random(seed);
  for (int round = 0; round < 500; ++round) {
    const DictItem item{random.key(), random.value()};
    const std::string line = to_tastypy_line(item);
    REQUIRE(std::all_of(line.begin(), line.end(), [](char c) { return c == '\t' || c >= ' '; }));
    const auto back = dict_item_from_tastypy_line(line);
    REQUIRE(back.key == item.key);
    REQUIRE(back.value == item.value);
  }
}

TEST_CASE("a line that is none of tastypy's is refused by its cause",
          "[storage][persistent][exchange]") {
  const auto read = [](const char* line) { return [line] { dict_item_from_tastypy_line(line); }; };
  CHECK_THROWS_WITH(read("")(), contains("no tab between a key and a value"));
  CHECK_THROWS_WITH(read("1 2")(), contains("no tab between a key and a value"));
  CHECK_THROWS_WITH(read("1.5\t2")(), contains("key 1.5"));
  CHECK_THROWS_WITH(read("1\tNaN")(), contains("value: NaN is no JSON"));
  CHECK_THROWS_WITH(read("1\t-Infinity")(), contains("value: Infinity is no JSON"));
  CHECK_THROWS_WITH(read("1\t2\t3")(), contains("value: no JSON"));
  CHECK_THROWS_WITH(read("1\t18446744073709551616")(), contains("more than 64 bits"));
  CHECK_THROWS_WITH(read("1\t\"\\ud800\"")(), contains("value: no JSON"));
}

TEST_CASE("tasks are values with members of tastypy's, and back",
          "[storage][persistent][exchange]") {
  const auto read = [](const std::string& value) {
    return task_from_tastypy_line("\"a\"\t" + value);
  };
  const auto done = read(R"({"_aborted":false,"url":"u","_tries":2,"_done":true,"n":[1]})");
  CHECK(done.state == TaskState::kDone);
  CHECK(done.tries == 2);
  CHECK(done.value.dump() == R"({"url":"u","n":[1]})");
  CHECK(read(R"({"_tries":1,"_done":false})").state == TaskState::kTodo);
  CHECK(read(R"({"_tries":1,"_done":true,"_aborted":true})").state == TaskState::kDone);
  CHECK(read(R"({"_tries":1,"_done":false,"_aborted":true})").state == TaskState::kAborted);
  CHECK_THROWS_WITH(read("1"), contains("it is no task: its value is no object"));
  CHECK_THROWS_WITH(read("{}"), contains("it is no task: its value has no \"_tries\""));
  CHECK_THROWS_WITH(read(R"({"_tries":0})"), contains("its value has no \"_done\""));
  CHECK_THROWS_WITH(read(R"({"_tries":-1,"_done":true})"), contains("\"_tries\" is no whole"));
  CHECK_THROWS_WITH(read(R"({"_tries":0,"_done":1})"), contains("\"_done\" is neither"));

  const Task failed{"a", {{"x", 1}}, nullptr, TaskState::kExhausted, 3, "no luck"};
  CHECK(to_tastypy_line(failed) ==
        "\"a\"\t"
        R"({"x":1,"_tries":3,"_done":false,"_aborted":false,"_error":"no luck"})");
  CHECK_THROWS_WITH(to_tastypy_line(Task{.key = "a", .value = {{"_done", 1}}}),
                    contains("task \"a\": its value has a member \"_done\""));
  const auto back = task_from_tastypy_line(
      to_tastypy_line(Task{"a", {{"x", 1}}, {{"y", 2}}, TaskState::kDone, 3, "once"}));
  CHECK(back.value == Json{{"x", 1}});
  CHECK(back.result == Json{{"y", 2}});
  CHECK(back.error == "once");
}

TEST_CASE("files are read in the order of their numbers", "[storage][persistent][exchange]") {
  std::vector<std::pair<std::string, std::string>> files;
  for (int number = 0; number < 12; ++number) {
    files.emplace_back(std::to_string(number) + ".json", std::to_string(number) + "\n");
  }
  const auto lines = lines_of_files(files);
  REQUIRE(lines.size() == 12);
  CHECK(lines[2] == "2.json:1 2");
  CHECK(lines[10] == "10.json:1 10");
  CHECK(lines_of_files({}).empty());
  CHECK(lines_of_files({{"0.json", "a\nb\n"}, {"1.json", "c\n"}, {"notes.txt", "x"}}).size() == 3);
}

TEST_CASE("files that are missing, short, empty or strange are told",
          "[storage][persistent][exchange]") {
  CHECK(lines_of_files({{"0.json", "a\n"}, {"2.json", "b\n"}}) ==
        Lines{"0.json:1 a", "tastypy:0 !1.json is missing: the next is 2.json", "2.json:1 b"});
  CHECK(lines_of_files({{"1.json.gz", "a\n"}}) ==
        Lines{"tastypy:0 !0.json.gz is missing: the next is 1.json.gz", "1.json.gz:1 a"});
  CHECK(lines_of_files({{"0.json", "a\nb\n"}, {"1.json", "c\n"}, {"2.json", "d\n"}}) ==
        Lines{"0.json:1 a", "0.json:2 b", "1.json:1 c",
              "1.json:0 !has 1 lines and those before it have 2 each: lines are missing",
              "2.json:1 d"});
  CHECK(lines_of_files({{"0.json", "a\n"}, {"1.json", "b\nc\n"}}).back() ==
        "1.json:0 !has 2 lines and those before it have 1 each: lines are missing");
  CHECK(lines_of_files({{"0.json", ""}}) == Lines{"0.json:0 !is empty: its lines have been lost"});
  CHECK(lines_of_files({{"0.json.gz", ""}}) == Lines{"0.json.gz:1 !its gzip is cut short here"});
  CHECK(lines_of_files({{"0.json", "a\n"}, {"1.json.gz", "b\n"}}).front() ==
        "tastypy:0 !some files are gzipped and some are not: they do not belong together");
  CHECK(lines_of_files({{"0.json", "a\nb"}, {"1.json", "c\nd\n"}}) ==
        Lines{"0.json:1 a", "0.json:2 !the file ends within it, before a newline", "1.json:1 c",
              "1.json:2 d"});
  CHECK_THROWS_WITH(lines_of_files({{"00.json", "a\n"}}), contains("it is none of tastypy"));
}

TEST_CASE("a folder appears when it is complete", "[storage][persistent][exchange]") {
  const bool gzip = GENERATE(false, true);
  const TemporaryFolder folder;
  const auto path = folder.file("out");
  {
    TastypyFolderWriter writer(path + "/", {.gzip = gzip, .lines_a_file = 3});
    for (int line = 0; line < 7; ++line) writer.write("line " + std::to_string(line));
    CHECK(!std::filesystem::exists(path));
    writer.commit();
  }
  const std::string ending = gzip ? ".json.gz" : ".json";
  CHECK(lines_in(path).size() == 7);
  CHECK(lines_in(path).back() == "2" + ending + ":1 line 6");
  { TastypyFolderWriter abandoned(folder.file("other"), {}); }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a folder is replaced only if that is asked for and it is one of tastypy",
          "[storage][persistent][exchange]") {
  const Folder old({{"0.json", "a\n"}, {"1.json", "b\n"}});
  CHECK_THROWS_WITH(TastypyFolderWriter(old.path, {}), contains("a folder that is not empty"));
  {
    TastypyFolderWriter writer(old.path, {.replace = true});
    writer.write("new");
    CHECK(lines_in(old.path).size() == 2);
    writer.commit();
  }
  CHECK(lines_in(old.path) == Lines{"0.json:1 new"});
  write_file(old.path + "/thesis.txt", "years of work");
  CHECK_THROWS_WITH(TastypyFolderWriter(old.path, {.replace = true}),
                    contains("holds more than files of tastypy"));
  CHECK_THROWS_WITH(TastypyFolderWriter(old.path + "/0.json", {}), contains("it is no folder"));
  CHECK(std::distance(std::filesystem::directory_iterator(old.root.path()), {}) == 1);

  const Folder empty({});
  TastypyFolderWriter writer(empty.path, {});
  writer.write("new");
  writer.commit();
  CHECK(lines_in(empty.path) == Lines{"0.json:1 new"});
}
