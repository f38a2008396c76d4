#include "storage/persistent/json_lines.h"

#include "core/error.h"
#include "storage/persistent/exchange/line_file_internal.h"
#include "tests/storage/persistent/exchange_fixture.h"

using namespace h5flume;
using namespace h5flume::persistent;
using namespace h5flume::test;

namespace {

// The file's lines, read from a file that holds `bytes`.
std::vector<std::string> lines_of(const std::string& bytes, std::size_t longest = kLongestLine) {
  const TemporaryFolder folder;
  write_file(folder.file("x"), bytes);
  LineReader reader(folder.file("x"), longest);
  return drain(reader);
}

std::string gzipped(const std::string& text) {
  std::string bytes;
  GzipEncoder().encode(text, bytes, true);
  return bytes;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an item and a task are lines of fixed form", "[storage][persistent][exchange]") {
  CHECK(to_json_line(DictItem{"epoch", 3}) == R"({"key":"epoch","value":3})");
  CHECK(to_json_line(DictItem{Key::tuple("/images", 4096), {{"b", 1}, {"a", "\t"}}}) ==
        R"({"key":["/images",4096],"value":{"b":1,"a":"\t"}})");
  CHECK(to_json_line(Task{.key = 5, .value = Json::object()}) ==
        R"({"key":5,"value":{},"state":"todo","tries":0})");
  CHECK(to_json_line(Task{.key = "a",
                          .value = {{"x", 1}},
                          .result = 0.5,
                          .state = TaskState::kDone,
                          .tries = 2,
                          .error = "no\nluck"}) ==
        R"({"key":"a","value":{"x":1},"state":"done","tries":2,"result":0.5,"error":"no\nluck"})");
}

TEST_CASE("lines come back as they were", "[storage][persistent][exchange][random]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  RandomJson random(seed);
  for (int round = 0; round < 500; ++round) {
    const DictItem item{random.key(), random.value()};
    const auto back = dict_item_from_json_line(to_json_line(item));
    REQUIRE(back.key == item.key);
    REQUIRE(back.value == item.value);

    const Task task{random.key(),    random.object(),
                    random.value(),  static_cast<TaskState>(random.below(5)),
                    random.below(9), random.text()};
    REQUIRE(to_json_line(task_from_json_line(to_json_line(task))) == to_json_line(task));
  }
}

TEST_CASE("a line with other members than its own is refused by name",
          "[storage][persistent][exchange]") {
  const auto dict = [](const char* line) { return [line] { dict_item_from_json_line(line); }; };
  CHECK_THROWS_WITH(dict(R"({"key":1})")(), contains("it has no \"value\""));
  CHECK_THROWS_WITH(dict(R"({"value":1})")(), contains("it has no \"key\""));
  CHECK_THROWS_WITH(dict(R"({"key":1,"value":1,"state":"done"})")(),
                    contains("\"state\" is no member of an item of a dict"));
  CHECK_THROWS_WITH(dict(R"({"key":1.5,"value":1})")(), contains("key 1.5"));
  CHECK_THROWS_WITH(dict(R"([1,2])")(), contains("the line is no JSON object"));
  CHECK_THROWS_WITH(dict("")(), contains("no JSON at byte"));
  CHECK_THROWS_WITH(dict(R"({"key":1,"value":[1,-Infinity]})")(), contains("Infinity is no JSON"));
  CHECK(dict_item_from_json_line(R"( {"value": [], "key": "a"} )").key == Key("a"));

  CHECK(task_from_json_line(R"({"key":1})").state == TaskState::kTodo);
  CHECK_THROWS_WITH(task_from_json_line(R"({"key":1,"value":1})"), contains("\"value\" is no"));
  CHECK_THROWS_WITH(task_from_json_line(R"({"key":1,"state":"open"})"),
                    contains("\"open\" is none of todo"));
  CHECK_THROWS_WITH(task_from_json_line(R"({"key":1,"tries":-1})"), contains("\"tries\" is no"));
  CHECK_THROWS_WITH(task_from_json_line(R"({"key":1,"error":1})"), contains("\"error\" is no"));
  CHECK_THROWS_WITH(task_from_json_line(R"({"key":1,"token":1})"), contains("\"token\" is no"));
}

TEST_CASE("lines are numbered, and a last one without a newline is none",
          "[storage][persistent][exchange]") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a\n\nb\n") == Lines{"x:1 a", "x:2 ", "x:3 b"});
  CHECK(lines_of("a\n12") == Lines{"x:1 a", "x:2 !the file ends within it, before a newline"});
  CHECK(lines_of("a\nlonger\nb\n", 5) == Lines{"x:1 a", "x:2 !it has more than 5 bytes", "x:3 b"});
  const std::string longest(200'000, 'l');
  CHECK(lines_of("a\n" + longest + "\nb\n") == Lines{"x:1 a", "x:2 " + longest, "x:3 b"});
  CHECK(lines_of("a\n" + longest + "\nb\n", 100'000) ==
        Lines{"x:1 a", "x:2 !it has more than 100000 bytes", "x:3 b"});
  CHECK(lines_of(longest, 100'000) == Lines{"x:1 !the file ends within it, before a newline"});
}

TEST_CASE("gzip is undone, and its damage is told behind the lines before it",
          "[storage][persistent][exchange]") {
  CHECK(lines_of(gzipped("a\nb\n")) == Lines{"x:1 a", "x:2 b"});
  CHECK(lines_of(gzipped("a\nb") + gzipped("c\n")) == Lines{"x:1 a", "x:2 bc"});
  CHECK(lines_of(gzipped("a\n") + "more") ==
        Lines{"x:1 a", "x:2 !its gzip is damaged: incorrect header check"});
  auto wrong = gzipped("a\nb\n");
  wrong[wrong.size() - 8] ^= 1;  // in the checksum
  CHECK(lines_of(wrong) ==
        Lines{"x:1 a", "x:2 b", "x:3 !its gzip is damaged: incorrect data check"});
}

TEST_CASE("gzip that is cut anywhere is told", "[storage][persistent][exchange]") {
  std::string text;
  for (int line = 0; line < 50; ++line) text += "line " + std::to_string(line * line) + "\n";
  const auto whole = gzipped(text);
  for (std::size_t size = 2; size < whole.size(); ++size) {
    const auto lines = lines_of(whole.substr(0, size));
    CAPTURE(size);
    REQUIRE(!lines.empty());
    REQUIRE(lines.back().find("!its gzip is cut short here") != std::string::npos);
  }
}

TEST_CASE("what is written by lines is read by lines", "[storage][persistent][exchange]") {
  const bool gzip = GENERATE(false, true);
  const TemporaryFolder folder;
  LineWriter writer(folder.file("x"), gzip);
  for (int line = 0; line < 20'000; ++line) writer.write("line " + std::to_string(line));
  CHECK(!std::filesystem::exists(folder.file("x")));
  writer.commit();
  CHECK(is_gzip(read_file(folder.file("x"))) == gzip);
  LineReader reader(folder.file("x"));
  const auto lines = drain(reader);
  REQUIRE(lines.size() == 20'000);
  CHECK(lines.back() == "x:20000 line 19999");
}

TEST_CASE("what is no file of lines is refused", "[storage][persistent][exchange]") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(LineReader(folder.file("x")),
                    contains("open " + folder.file("x") + ": No such"));
  CHECK_THROWS_WITH(LineReader(folder.path().string()), contains("it is no regular file"));
}
