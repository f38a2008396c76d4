// What the contract suite cannot say in commands: types, views, comparing, the lock, status.

#include <cmath>
#include <limits>
#include <thread>

#include "core/error.h"
#include "storage/shared/shared_dict.h"
#include "tests/storage/shared/shared_fixture.h"

using namespace h5flume;
using namespace h5flume::test;
using std::chrono::milliseconds;

#define SHARED_TEST(name) TEST_CASE_METHOD(SharedFixture, name, "[storage][shared]")

SHARED_TEST("values come back as what they were set as") {
  auto dict = create();
  const auto other = attach();
  dict.set("i", std::int32_t{-5});
  dict.set("u", std::numeric_limits<std::uint64_t>::max());
  dict.set("r", 0.1F);
  dict.set("b", true);
  dict.set("t", std::string("text\0with a zero", 16));
  dict.set("n", nullptr);
  dict.set("nan", std::nan(""));
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}, std::byte{7}};
  dict.set("y", bytes);

  CHECK(other.get<std::int64_t>("i") == -5);
  CHECK(other.get<std::int8_t>("i") == std::int8_t{-5});
  CHECK(other.get<double>("i") == -5.0);
  CHECK(other.get<std::uint64_t>("u") == std::numeric_limits<std::uint64_t>::max());
  CHECK(other.get<double>("r") == double{0.1F});
  CHECK(other.get<bool>("b") == true);
  CHECK(other.get<std::string>("t") == std::string("text\0with a zero", 16));
  CHECK(other.get<std::string_view>("t")->size() == 16);
  CHECK(other.at("n").is_null());
  CHECK(std::isnan(*other.get<double>("nan")));
  CHECK(other.get<std::vector<std::byte>>("y") == bytes);
  CHECK(other.get<std::span<const std::byte>>("y")->size() == 3);
  CHECK(other.at("y") == Json{{"bytes", "00ff07"}});
  CHECK(other.get<int>("none", 4) == 4);

  const auto is_wrong = [&](const auto& get) {
    return code_of(get) == ErrorCode::kInvalidArgument;
  };
  CHECK(is_wrong([&] { other.get<std::uint32_t>("i"); }));  // negative
  CHECK(is_wrong([&] { other.get<std::int64_t>("u"); }));   // too large
  CHECK(is_wrong([&] { other.get<std::int64_t>("r"); }));
  CHECK(is_wrong([&] { other.get<bool>("i"); }));
  CHECK(is_wrong([&] { other.get<std::string>("y"); }));
}

SHARED_TEST("what cannot be kept changes nothing") {
  auto dict = create();
  dict.set("x", 1);
  const std::string no_utf8 = "\xff\xfe";
  const auto is_refused = [&](const std::function<void()>& call) {
    return code_of(call) == ErrorCode::kInvalidArgument;
  };
  CHECK(is_refused([&] { dict.set("x", no_utf8); }));
  CHECK(is_refused([&] { dict.set(no_utf8, 1); }));
  CHECK(is_refused([&] { dict.set("x", Json{1, std::nan("")}); }));
  CHECK(is_refused([&] { dict.set("x", Json{1, no_utf8}); }));
  CHECK(is_refused([&] { dict.update(Json{{"a", 1}, {"b", {no_utf8}}}); }));
  CHECK(is_refused([&] { dict.update(Json{1, 2}); }));
  CHECK(text_of(dict) == "x=1");
  CHECK(dict.version() == 1);
}

SHARED_TEST("each serializer brings back what it was given") {
  const auto serializer = GENERATE(0, 1, 2, 3);
  const SharedSerializer reversing{"reversing",
                                   [](const Json& value) {
                                     std::string text = value.dump();
                                     std::reverse(text.begin(), text.end());
                                     return text;
                                   },
                                   [](std::string_view bytes) {
                                     std::string text(bytes);
                                     std::reverse(text.begin(), text.end());
                                     return Json::parse(text);
                                   }};
  const SharedSerializer all[] = {SharedSerializer::json(), SharedSerializer::cbor(),
                                  SharedSerializer::msgpack(), reversing};
  auto dict = create({.serializer = all[serializer]});
  const Json value{{"a", {1, 2.5, "x", Json()}}, {"b", {{"c", Json::array()}}}};
  dict.set("v", value);
  auto options = this->options();
  if (serializer == 3) {
    CHECK(code_of([&] { attach(); }) == ErrorCode::kConflict);
    options.serializer = reversing;
  }
  CHECK(SharedDict::attach("a", options).at("v") == value);
  CHECK(dict.another().at("v") == value);
  CHECK(dict.status().serializer == all[serializer].name);
  options.serializer = all[(serializer + 1) % 4];
  CHECK(code_of([&] { SharedDict::attach("a", options); }) == ErrorCode::kConflict);
}

SHARED_TEST("dicts are compared whatever their order") {
  auto one = create({.recurse = true}, "one");
  auto other = create({.recurse = true}, "other");
  CHECK(one == other);
  one.update(Json{{"a", 1}, {"b", {{"x", 1}, {"y", 2}}}, {"c", {1, 2}}});
  other.update(Json{{"c", {1, 2}}, {"b", {{"y", 2}, {"x", 1}}}, {"a", 1}});
  CHECK(one == other);
  CHECK(one == Json{{"b", {{"y", 2}, {"x", 1}}}, {"a", 1}, {"c", {1, 2}}});
  other.nested("b").set("x", 3);
  CHECK_FALSE(one == other);
  CHECK(one.nested("b") == Json{{"x", 1}, {"y", 2}});
  CHECK_FALSE(one == Json{{"a", 1}});
  CHECK_FALSE(one == Json(5));
}

SHARED_TEST("the local copy can be read without looking for changes") {
  auto dict = create();
  auto other = attach();
  dict.set("x", 1);
  CHECK(other.get<int>("x") == 1);
  const auto data = other.data();
  dict.set("x", 2);
  dict.set("y", 3);
  CHECK(data.find("x")->as<int>() == 1);
  CHECK(data.find("y") == nullptr);
  CHECK(data.size() == 1);
  CHECK(data.version() == 1);
  CHECK(other.refresh() == 3);
  CHECK(data.find("x")->as<int>() == 2);
  CHECK(data.version() == 3);
}

SHARED_TEST("a nested dict that is gone says so, and no later one is taken for it") {
  auto dict = create({.recurse = true});
  dict.set("n", Json{{"x", 1}});
  auto nested = attach();
  auto inside = nested.nested("n");
  CHECK(inside.get<int>("x") == 1);
  dict.set("n", Json{{"x", 2}});
  CHECK(code_of([&] { inside.find("x"); }) == ErrorCode::kNotFound);
  CHECK(code_of([&] { inside.set("x", 3); }) == ErrorCode::kNotFound);
  CHECK(code_of([&] { inside.size(); }) == ErrorCode::kNotFound);
  dict.erase("n");
  dict.dump();
  dict.set("n", Json{{"x", 4}});
  CHECK(code_of([&] { inside.find("x"); }) == ErrorCode::kNotFound);
  CHECK(dict.nested("n").get<int>("x") == 4);
}

SHARED_TEST("dicts nest five hundred levels deep and no further") {
  auto dict = create();
  auto inside = dict.make_nested("in");
  for (int level = 1; level < 500; ++level) inside = inside.make_nested("in");
  CHECK(code_of([&] { inside.make_nested("in"); }) == ErrorCode::kInvalidArgument);
  inside.set("x", 1);
  dict.dump();
  const auto other = attach();
  CHECK(other == dict);
  CHECK(other.status().nested_dicts == 500);
  dict.clear();
  CHECK(other.status().entries == 0);
}

SHARED_TEST("a dict grows without a plan, up to its limit") {
  auto dict = create({.most_bytes = 64 << 10, .buffer_bytes = 1024});
  const auto other = attach();
  const std::string value(1000, 'v');
  int kept = 0;
  try {
    for (;; ++kept) dict.set(kept, value);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kResourceLimit);
    CHECK_THAT(error.what(), contains("65536"));
  }
  CHECK(kept > 55);
  CHECK(other.size() == static_cast<std::size_t>(kept));
  CHECK(dict == other);
  CHECK(dict.status().segment_bytes < 2 * (64 << 10) + (70 << 10));
  dict.set(0, "short");  // what takes less than before fits
  for (int key = 0; key < kept; ++key) CHECK(dict.erase(key));
  CHECK(other.empty());
  CHECK(code_of([&] { dict.set("x", std::string(70'000, 'x')); }) == ErrorCode::kResourceLimit);
  CHECK(other.empty());
  dict.set("x", value);
  CHECK(other.get<std::string>("x") == value);
  CHECK(files().size() == 2);
}

SHARED_TEST("the lock keeps others from writing, not from reading") {
  auto dict = create({.lock_timeout = milliseconds(20)});
  auto options = this->options();
  options.lock_timeout = milliseconds(20);
  auto other = SharedDict::attach("a", options);
  dict.set("x", 1);
  CHECK(dict.lock_holder() == std::nullopt);
  {
    auto lock = dict.lock();
    CHECK(other.lock_holder() == ::getpid());
    CHECK(other.get<int>("x") == 1);
    CHECK_FALSE(other.try_lock());
    CHECK(code_of([&] { other.set("x", 2); }) == ErrorCode::kTimeout);
    CHECK(code_of([&] { static_cast<void>(other.lock(milliseconds(1))); }) == ErrorCode::kTimeout);
    dict.set("x", 3);
    auto again = dict.lock();
    again.release();
    CHECK(other.get<int>("x") == 3);
    CHECK_FALSE(other.try_lock());
    CHECK(other.status().lock_holder == ::getpid());
    dict.transaction([&] { dict.increment("x"); });
  }
  CHECK(other.lock_holder() == std::nullopt);
  other.set("x", 5);
  CHECK(dict.get<int>("x") == 5);
  try {
    const auto lock = dict.lock();
    other.set("y", 1);
    FAIL("no timeout");
  } catch (const Error& error) {
    CHECK_THAT(error.what(), contains(std::to_string(::getpid())));
  }
}

SHARED_TEST("a stolen lock is no longer its first holder's") {
  auto dict = create();
  auto other = attach();
  auto lock = dict.lock();
  {
    auto stolen = other.steal_lock(milliseconds(5));
    CHECK(lock.is_stolen());
    CHECK_FALSE(stolen.is_stolen());
    other.set("x", 1);
    CHECK(code_of([&] { dict.set("x", 2); }) == ErrorCode::kConflict);
    CHECK(code_of([&] { dict.transaction([&] { dict.set("x", 2); }); }) == ErrorCode::kConflict);
    CHECK(dict.get<int>("x") == 1);
  }
  CHECK(code_of([&] { dict.set("x", 2); }) == ErrorCode::kConflict);
  lock.release();
  dict.set("x", 3);
  CHECK(other.get<int>("x") == 3);
  CHECK(other.status().steals == 1);
}

SHARED_TEST("a lock stolen in a transaction undoes it") {
  auto dict = create();
  auto other = attach();
  dict.set("x", 1);
  CHECK(code_of([&] {
          dict.transaction([&] {
            dict.set("x", 2);
            dict.erase("x");
            auto stolen = other.steal_lock(milliseconds(0));
            other.set("y", 3);
          });
        }) == ErrorCode::kConflict);
  CHECK(text_of(dict) == "x=1 y=3");
  CHECK(text_of(other) == "x=1 y=3");
  dict.set("x", 4);
  CHECK(text_of(other) == "x=4 y=3");
}

SHARED_TEST("a part of a transaction that fails leaves the rest, or undoes all") {
  auto dict = create();
  const auto other = attach();
  dict.set("t", "text");
  dict.transaction([&] {
    dict.set("x", 1);
    CHECK(code_of([&] { dict.increment("t"); }) == ErrorCode::kInvalidArgument);
    CHECK(code_of([&] { dict.dump(); }) == ErrorCode::kInvalidArgument);
    CHECK(code_of([&] { dict.wait_for_change(0); }) == ErrorCode::kInvalidArgument);
    dict.set("y", 2);
    CHECK(other.size() == 1);
  });
  CHECK(text_of(other) == "t=\"text\" x=1 y=2");
}

SHARED_TEST("a change wakes who waits for it") {
  auto dict = create();
  const auto before = dict.version();
  CHECK(dict.wait_for_change(before, milliseconds(1)) == std::nullopt);
  std::optional<std::uint64_t> seen;
  std::thread waiter([&] {
    const auto other = attach();
    seen = other.wait_for_change(before);
  });
  dict.dump();  // is none
  dict.set("x", 1);
  waiter.join();
  CHECK(seen == before + 1);
  CHECK(dict.wait_for_change(before) == before + 1);  // at once
}

SHARED_TEST("status says what is with a dict") {
  auto dict = create({.recurse = true, .buffer_bytes = 4096});
  const auto other = attach();
  dict.set("x", Json{{"y", 1}});
  dict.dump();
  dict.set("z", 1);
  const auto lock = dict.lock();
  const auto status = other.status();
  CHECK(status.name == "a");
  CHECK(status.folder == folder);
  CHECK(status.serializer == "json");
  CHECK(status.recurse);
  CHECK(status.auto_unlink);
  CHECK_FALSE(status.unlinked);
  CHECK(status.version == 2);
  CHECK(status.generation == 2);
  CHECK(status.recoveries == 0);
  CHECK(status.entries == 3);
  CHECK(status.nested_dicts == 1);
  CHECK(status.live_bytes == 3 * 25);
  CHECK(status.snapshot_bytes == 64);
  CHECK(status.stream_bytes == 40);
  CHECK(status.stream_capacity >= 4096);
  std::size_t bytes = 0;
  for (const auto& file : files()) bytes += std::filesystem::file_size(folder + "/" + file);
  CHECK(status.segment_bytes == bytes);
  REQUIRE(status.attached.size() == 2);
  CHECK(status.attached[0].pid == ::getpid());
  CHECK(status.attached[0].is_creator);
  CHECK(status.attached[0].holds_lock);
  CHECK_FALSE(status.attached[1].is_creator);
  CHECK(std::chrono::system_clock::now() - status.attached[1].since < std::chrono::hours(1));
  CHECK(status.lock_holder == ::getpid());
  CHECK(status.frames_applied == 2);
  CHECK(dict.status().commits_made == 2);
  CHECK(dict.status().dumps_made == 1);
}

SHARED_TEST("who gets the place of the creator is not taken for it") {
  auto creator = create({.auto_unlink = false});
  const auto other = attach();
  creator.close();
  const auto later = attach();
  const auto attached = other.status().attached;
  CHECK(attached.size() == 2);
  for (const auto& one : attached) CHECK_FALSE(one.is_creator);
}

SHARED_TEST("a closed dict says so") {
  auto dict = create();
  auto nested = dict.make_nested("n");
  auto lock = dict.lock();
  dict.close();
  dict.close();
  CHECK(code_of([&] { dict.get("x"); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { dict.set("x", 1); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { nested.size(); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { dict.status(); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { dict.lock_holder(); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { static_cast<void>(dict.try_lock()); }) == ErrorCode::kCancelled);
  CHECK(code_of([&] { dict.unlink(); }) == ErrorCode::kCancelled);
  lock.release();
  CHECK(files().empty());
}
