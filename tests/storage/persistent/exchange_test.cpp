#include "storage/persistent/exchange.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "storage/persistent/json_lines.h"
#include "tests/storage/persistent/exchange_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// Dicts and trackers with their exports, in a folder of their own.
struct ExchangeFixture {
  TemporaryFolder folder;
  const std::string golden = H5FLUME_TASTYPY_FOLDER;

  PersistentDict dict(const std::string& name) const { return PersistentDict(folder.file(name)); }
  ProgressTracker tracker(const std::string& name, const TrackerOptions& options = {}) const {
    return ProgressTracker(folder.file(name), options);
  }
};

// The ways of export that must not differ in what they keep.
ExportOptions generate_export() {
  const int way = GENERATE(0, 1, 2, 3);
  CAPTURE(way);
  return {.format = way < 2 ? ExchangeFormat::kJsonLines : ExchangeFormat::kTastypy,
          .gzip = way % 2 == 1,
          .lines_a_file = 7};
}

std::string text_of(const ProgressTracker& tracker) {
  std::string text;
  tracker.for_each([&](const Task& task) {
    text += to_json_line(task) + "\n";
    return true;
  });
  return text;
}

void fill(PersistentDict& dict, RandomJson& random, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) dict.set(random.key(), random.value());
}

void fill(ProgressTracker& tracker, RandomJson& random, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Key key = random.key();
    tracker.add_if_absent(key, random.object());
    if (const auto claim = random.below(2) == 0 ? tracker.should_try(key) : std::nullopt) {
      switch (random.below(3)) {
        case 0:
          tracker.complete(*claim, random.value());
          break;
        case 1:
          tracker.fail(*claim, random.text());
          break;
        default:
          tracker.release(*claim);
      }
    }
    if (random.below(5) == 0) tracker.abort(key);
  }
}

// Files of a folder by name, or the one file.
std::map<std::string, std::string> contents(const std::string& path) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::is_directory(path)) return {{"", read_file(path)}};
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    files[entry.path().filename().string()] = read_file(entry.path().string());
  }
  return files;
}

// Whether `part` begins `whole`, item by item.
bool is_prefix(const PersistentDict& part, const PersistentDict& whole) {
  auto items = whole.items();
  for (const auto& item : part.items()) {
    const auto expected = items.next();
    if (!expected || expected->key != item.key || expected->value != item.value) return false;
  }
  return true;
}

}  // namespace

// --- what tastypy wrote
// -----------------------------------------------------------------------------

TEST_CASE_METHOD(ExchangeFixture, "dicts that tastypy has written come in whole",
                 "[storage][persistent][exchange][tastypy]") {
  const std::string name = GENERATE("dict", "gzipped", "many", "tuples");
  CAPTURE(name);
  auto dict = this->dict("dict");
  const auto report = import_dict(dict, golden + "/" + name);
  const std::string like =
      name == "dict" || name == "gzipped" ? std::string("dict") : std::string(name);
  auto expected = this->dict("expected");
  import_dict(expected, golden + "/" + like + ".jsonl");
  CHECK(dict.size() > 0);
  CHECK(report.imported == dict.size());
  CHECK(dict == expected);
}

TEST_CASE_METHOD(ExchangeFixture, "keys that tastypy has escaped are themselves again",
                 "[storage][persistent][exchange][tastypy]") {
  auto dict = this->dict("dict");
  import_dict(dict, golden + "/dict");
  CHECK(dict.at(5) == "five");
  CHECK(dict.at("5") == "text that looks like a number");
  CHECK(dict.at("größe") == "𝄞 \u2028 ü");
  CHECK(dict.at("a tab\there").dump() == R"({"z":1,"a":[1,2.5,null,true]})");
  CHECK(dict.at("\\t is no tab") == "\\t");
  CHECK(dict.at("\\\\t") == "\\\\t");
  CHECK(dict.at(std::numeric_limits<std::int64_t>::min()) ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(dict.keys().front() == Key("plain"));
  CHECK(dict.keys().back() == Key("a long float"));
}

TEST_CASE_METHOD(ExchangeFixture, "a tracker that tastypy has written stands where it stood",
                 "[storage][persistent][exchange][tastypy]") {
  auto tracker = this->tracker("tracker", {.max_tries = 2});
  CHECK(import_tracker(tracker, golden + "/tracker").imported == 5);
  CHECK(text_of(tracker) ==
        R"({"key":"todo","value":{},"state":"todo","tries":0})"
        "\n"
        R"({"key":"tried","value":{},"state":"todo","tries":1})"
        "\n"
        R"({"key":"done","value":{"url":"http://ü","size":[1,2]},"state":"done","tries":1})"
        "\n"
        R"({"key":"aborted","value":{},"state":"aborted","tries":0})"
        "\n"
        R"({"key":"exhausted","value":{},"state":"exhausted","tries":2})"
        "\n");
  CHECK(tracker.status() == TrackerStatus{.total = 5,
                                          .todo = 2,
                                          .leased = 0,
                                          .done = 1,
                                          .aborted = 1,
                                          .exhausted = 1,
                                          .tried = 3,
                                          .tries = 4});
}

TEST_CASE_METHOD(ExchangeFixture, "what tastypy has spoilt is refused, and salvaged line by line",
                 "[storage][persistent][exchange][tastypy]") {
  auto dict = this->dict("dict");
  CHECK_THROWS_WITH(import_dict(dict, golden + "/emptied"),
                    contains("0.json: is empty: its lines have been lost"));
  CHECK_THROWS_WITH(import_dict(dict, golden + "/not-a-number"),
                    contains("0.json line 2: value: NaN is no JSON"));
  CHECK_THROWS_WITH(import_dict(dict, H5FLUME_TASTYPY_FOLDER "/.."), contains("none of tastypy"));
  CHECK(dict.empty());

  Salvage salvage;
  const auto report = import_dict(dict, golden + "/not-a-number", salvage.options);
  CHECK(report.imported == 2);
  CHECK(report.dropped == 2);
  CHECK(dict.at("z") == 2);
  CHECK(salvage.dropped == std::vector<std::string>{"0.json:2 value: NaN is no JSON",
                                                    "0.json:3 value: Infinity is no JSON"});
}

// --- there and back
// ---------------------------------------------------------------------------------

TEST_CASE_METHOD(ExchangeFixture, "what is exported comes back, and makes the same bytes again",
                 "[storage][persistent][exchange][random]") {
  const auto options = generate_export();
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  RandomJson random(seed);

  auto dict = this->dict("dict");
  fill(dict, random, 60);
  CHECK(export_dict(dict, folder.file("dict.out"), options) == dict.size());
  auto dict_back = this->dict("dict.back");
  CHECK(import_dict(dict_back, folder.file("dict.out")).imported == dict.size());
  CHECK(dict_back == dict);
  export_dict(dict_back, folder.file("dict.again"), options);
  CHECK(contents(folder.file("dict.again")) == contents(folder.file("dict.out")));

  auto tracker = this->tracker("tracker", {.max_tries = 1});
  fill(tracker, random, 40);
  CHECK(export_tracker(tracker, folder.file("tracker.out"), options) == tracker.size());
  auto tracker_back = this->tracker("tracker.back", {.max_tries = 1});
  CHECK(import_tracker(tracker_back, folder.file("tracker.out")).imported == tracker.size());
  CHECK(text_of(tracker_back) == text_of(tracker));
  CHECK(tracker_back.status() == tracker.status());
}

TEST_CASE_METHOD(ExchangeFixture, "an import that is cut at any byte is refused or a prefix",
                 "[storage][persistent][exchange]") {
  const auto options = generate_export();
  auto dict = this->dict("dict");
  for (int i = 0; i < 3; ++i) dict.set(10 + i, Json::array({123 * i, "t", 0.25 * i}));
  const auto whole = folder.file("whole");
  const auto cut = folder.file("cut");
  export_dict(dict, whole, options);
  auto back = this->dict("back");
  for (const auto& [name, bytes] : contents(whole)) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(name, size);
      std::filesystem::remove_all(cut);
      write_file(name.empty() ? cut : cut + "/" + name, bytes.substr(0, size));
      try {
        import_dict(back, cut);
        REQUIRE((size == 0 || (!options.gzip && bytes[size - 1] == '\n')));
        REQUIRE(is_prefix(back, dict));
      } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::kCorruptData);
        REQUIRE(back.empty());
      }
      Salvage salvage;
      const auto report = import_dict(back, cut, salvage.options);
      REQUIRE(is_prefix(back, dict));
      REQUIRE(report.dropped == salvage.dropped.size());
      if (!back.empty()) back.clear();
    }
  }
}

TEST_CASE_METHOD(ExchangeFixture, "a strict import changes nothing if the last line is bad",
                 "[storage][persistent][exchange]") {
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += to_json_line(DictItem{i, i}) + "\n";
  write_file(folder.file("bad"), lines + "{\"key\":1}\n");
  auto dict = this->dict("dict");
  CHECK_THROWS_WITH(import_dict(dict, folder.file("bad")),
                    contains("import " + folder.file("bad") + " line 10001: it has no \"value\""));
  CHECK(dict.empty());

  Salvage salvage;
  CHECK(import_dict(dict, folder.file("bad"), salvage.options).imported == 10'000);
  CHECK(dict.size() == 10'000);
  CHECK(salvage.dropped == std::vector<std::string>{"bad:10001 it has no \"value\""});
}

TEST_CASE_METHOD(ExchangeFixture,
                 "an import leaves other keys, and of a key twice the later counts",
                 "[storage][persistent][exchange]") {
  auto dict = this->dict("dict");
  dict.set("old", 1);
  dict.set("both", 2);
  write_file(folder.file("in"),
             "{\"key\":\"both\",\"value\":3}\n{\"key\":\"new\",\"value\":4}\n"
             "{\"key\":\"new\",\"value\":5}\n");
  CHECK(import_dict(dict, folder.file("in")).imported == 3);
  CHECK(dict.keys() == std::vector<Key>{"old", "both", "new"});
  CHECK(dict.at("both") == 3);
  CHECK(dict.at("new") == 5);
}

TEST_CASE_METHOD(ExchangeFixture, "the number of tries decides who is exhausted, not the line",
                 "[storage][persistent][exchange]") {
  write_file(folder.file("in"), R"({"key":"a","state":"exhausted","tries":1})"
                                "\n"
                                R"({"key":"b","state":"todo","tries":2})"
                                "\n"
                                R"({"key":"c","state":"leased","tries":1})"
                                "\n");
  auto limited = this->tracker("limited", {.max_tries = 2});
  import_tracker(limited, folder.file("in"));
  CHECK(limited.status().todo == 2);
  CHECK(limited.status().exhausted == 1);
  CHECK(limited.find("b")->state == TaskState::kExhausted);
  auto unlimited = this->tracker("unlimited");
  import_tracker(unlimited, folder.file("in"));
  CHECK(unlimited.status().todo == 3);
  CHECK(unlimited.claim({.count = 9}).size() == 3);
}

TEST_CASE_METHOD(ExchangeFixture, "an export is a snapshot, and leaves nothing behind if it ends",
                 "[storage][persistent][exchange]") {
  auto dict = this->dict("dict");
  for (int i = 0; i < 3; ++i) dict.set(i, i);
  auto options = generate_export();
  options.on_progress = [&](std::uint64_t done) { dict.set(static_cast<int>(done), "later"); };
  export_dict(dict, folder.file("out"), options);
  auto back = this->dict("back");
  import_dict(back, folder.file("out"));
  CHECK(back.values() == std::vector<Json>{0, 1, 2});

  options.on_progress = [](std::uint64_t) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(export_dict(dict, folder.file("ended"), options), "enough");
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    CHECK(entry.path().filename().string().find("ended") == std::string::npos);
  }
}
