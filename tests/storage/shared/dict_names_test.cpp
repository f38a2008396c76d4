// Names: making, finding, taking away, what is left behind and how it is cleaned.

#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "core/error.h"
#include "tests/storage/shared/actors.h"
#include "tests/storage/shared/shared_fixture.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;
using State = SharedDictInfo::State;

namespace {

// Makes a dict and dies. Arguments: folder, name, "auto" or "keep".
int make_and_die(const std::vector<std::string>& arguments) {
  auto dict = SharedDict::create(arguments[1],
                                 {.folder = arguments[0], .auto_unlink = arguments[2] == "auto"});
  dict.set("x", 1);
  return ::raise(SIGKILL);
}
const ChildRole kMaker("shared-maker", make_and_die);

// Attaches, says so by stopping, and waits to be killed. Arguments: folder, name.
int attach_and_stop(const std::vector<std::string>& arguments) {
  auto dict = SharedDict::attach(arguments[1], {.folder = arguments[0]});
  const int stopped = ::raise(SIGSTOP);
  return stopped + static_cast<int>(dict.size());
}
const ChildRole kAttacher("shared-attacher", attach_and_stop);

}  // namespace

#define NAME_TEST(name) TEST_CASE_METHOD(SharedFixture, name, "[storage][shared][names]")

NAME_TEST("a dict is made once, and attached to if it is there") {
  CHECK(code_of([&] { attach(); }) == ErrorCode::kNotFound);
  auto dict = SharedDict::create_or_attach("a", options());
  dict.set("x", 1);
  CHECK(code_of([&] { create(); }) == ErrorCode::kConflict);
  CHECK(SharedDict::create_or_attach("a", options()).get<int>("x") == 1);
  CHECK(attach().get<int>("x") == 1);
  CHECK(files().size() == 2);
  auto unnamed = create({}, "");
  auto another = create({}, "");
  CHECK(unnamed.name() != another.name());
  CHECK(unnamed.another().name() == unnamed.name());
}

NAME_TEST("names cannot leave their folder") {
  for (const std::string& name :
       std::vector<std::string>{"../a", "a/b", "/a", ".", "..", ".a", "a b", "a\n", "\xc3\xa4",
                                "a.h5dict", "a.h5dict.b", std::string(101, 'a')}) {
    CAPTURE(name);
    CHECK(code_of([&] { create({}, name); }) == ErrorCode::kInvalidArgument);
    CHECK(code_of([&] { attach(name); }) == ErrorCode::kInvalidArgument);
    CHECK(code_of([&] { unlink_shared_dict(name, folder); }) == ErrorCode::kInvalidArgument);
  }
  CHECK(code_of([&] { attach(""); }) == ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { attach(std::string("a\0b", 3)); }) == ErrorCode::kInvalidArgument);
  CHECK(files().empty());
  for (const std::string name : {"A-b_c.9", "9", "-"}) CHECK(create({}, name).empty());
}

NAME_TEST("the segments are their owner's alone, whatever the mask") {
  const auto mask = ::umask(0);
  auto dict = create({.buffer_bytes = 256});
  for (int key = 0; key < 100; ++key) dict.set(key, key);
  ::umask(mask);
  const auto mode_of = [&](const std::string& file) {
    struct stat status {};
    REQUIRE(::stat((folder + "/" + file).c_str(), &status) == 0);
    return status.st_mode & 07777U;
  };
  REQUIRE(files().size() == 2);
  for (const auto& file : files()) CHECK(mode_of(file) == 0600U);
  // One that others may write to is not attached to, unless that was asked for.
  REQUIRE(::chmod((folder + "/a.h5dict").c_str(), 0622) == 0);
  CHECK(code_of([&] { attach(); }) == ErrorCode::kRefused);
  auto group = create({.permissions = 0660}, "group");
  CHECK(mode_of("group.h5dict") == 0660U);
  CHECK(code_of([&] { attach("group"); }) == ErrorCode::kRefused);
  auto options = this->options();
  options.permissions = 0660;
  CHECK(SharedDict::attach("group", options).empty());
}

NAME_TEST("another user's dict is not attached to") {
  if (::geteuid() != 0) {
    WARN("not run: only root can give a file to another user");
    return;
  }
  auto dict = create();
  REQUIRE(::chown((folder + "/a.h5dict").c_str(), 12345, 12345) == 0);
  CHECK(code_of([&] { attach(); }) == ErrorCode::kRefused);
}

NAME_TEST("who creates a dict unlinks it in the end, unless it is to stay") {
  { const auto dict = create(); }
  CHECK(files().empty());
  { create({.auto_unlink = false}).set("x", 1); }
  CHECK(files().size() == 2);
  CHECK(attach().get<int>("x") == 1);
  CHECK(files().size() == 2);  // who attaches does not
  CHECK(list_shared_dicts(folder).at(0).state == State::kIdle);
  CHECK(clean_shared_dicts(folder).empty());
  CHECK(unlink_shared_dict("a", folder));
  CHECK_FALSE(unlink_shared_dict("a", folder));
  CHECK(files().empty());
}

NAME_TEST("who is attached goes on with a dict that was unlinked") {
  auto first = std::make_optional(create({.buffer_bytes = 256}));
  auto other = std::make_optional(attach());
  auto third = std::make_unique<Crew>(ActorKind::kProcess, 1, folder, "a");
  first->set("x", 1);
  first->unlink();
  first->unlink();
  CHECK(first->status().unlinked);
  CHECK(code_of([&] { attach(); }) == ErrorCode::kNotFound);
  CHECK(list_shared_dicts(folder).at(0).state == State::kUnlinked);
  CHECK(clean_shared_dicts(folder).empty());

  // Another takes the name; the two have nothing to do with each other.
  auto second = create({.buffer_bytes = 256});
  for (int key = 0; key < 50; ++key) {
    second.set(key, "second");
    other->set(key, "first");
  }
  CHECK((*third)("get", 49) == "first");
  CHECK(first->size() == 51);
  CHECK(attach().size() == 50);
  CHECK(files().size() == 4);
  first.reset();
  other.reset();
  CHECK((*third)("size") == 51);
  third.reset();
  CHECK(files().size() == 2);
  CHECK(second.get<std::string>(49) == "second");
}

NAME_TEST("what a dead creator left is found and cleaned") {
  const std::string kind = GENERATE("auto", "keep");
  start_child("shared-maker", {folder, "a", kind}).wait();
  REQUIRE(files().size() == 2);
  const auto found = list_shared_dicts(folder);
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "a");
  CHECK(found[0].attached.empty());
  CHECK(found[0].files == files());
  CHECK(found[0].segment_bytes > 0);
  CHECK(attach().get<int>("x") == 1);  // it is whole
  if (kind == "auto") {
    CHECK(found[0].state == State::kAbandoned);
    CHECK(clean_shared_dicts(folder) == found[0].files);
    CHECK(files().empty());
    CHECK(create().empty());
  } else {
    CHECK(found[0].state == State::kIdle);
    CHECK(clean_shared_dicts(folder).empty());
  }
}

NAME_TEST("a dict in use is not cleaned, whoever has died") {
  start_child("shared-maker", {folder, "a", "auto"}).wait();
  auto user = start_child("shared-attacher", {folder, "a"});
  REQUIRE(wait_until_parked(user.pid()));
  const auto found = list_shared_dicts(folder);
  REQUIRE(found.size() == 1);
  CHECK(found[0].state == State::kUsed);
  REQUIRE(found[0].attached.size() == 1);
  CHECK(found[0].attached[0].pid == user.pid());
  CHECK(clean_shared_dicts(folder).empty());
  CHECK(files().size() == 2);
  user.kill();
  user.wait();
  CHECK(clean_shared_dicts(folder).size() == 2);
  CHECK(files().empty());
}

NAME_TEST("a process killed at any step of making or unlinking leaves what can be cleaned") {
  const std::string point = GENERATE("shared.creating", "shared.created", "shared.retiring",
                                     "shared.retired", "shared.removing");
  CAPTURE(point);
  auto child = start_child("shared-create-unlink", {folder, "a", point});
  REQUIRE(wait_until_parked(child.pid()));
  // It is alive, but in its last step it has left the dict already, and anyone may tidy up after
  // it.
  if (point != "shared.removing") CHECK(clean_shared_dicts(folder).empty());
  child.kill();
  child.wait();
  if (point == "shared.created") CHECK(attach().get<int>("x", 7) == 7);
  // Whatever is there, the name can be used again, and is not after the cleaning.
  if (point == "shared.retiring") {
    CHECK(code_of([&] { attach(); }) == ErrorCode::kNotFound);
    CHECK(create().empty());
  }
  clean_shared_dicts(folder);
  CHECK(files().empty());
}

namespace {
// Arguments: folder, name, point to stop at.
int create_and_unlink(const std::vector<std::string>& arguments) {
  park_at(arguments[2]);
  auto dict = SharedDict::create(arguments[1], {.folder = arguments[0]});
  dict.set("x", 1);
  dict.unlink();
  return 0;
}
const ChildRole kCreateUnlink("shared-create-unlink", create_and_unlink);
}  // namespace

NAME_TEST("files that are no dicts are told from dicts") {
  std::ofstream(folder + "/b.h5dict") << "no dict";
  std::ofstream(folder + "/c.h5dict.0000000000000001.1") << "no generation";
  std::ofstream(folder + "/d.txt") << "something else";
  const auto found = list_shared_dicts(folder);
  REQUIRE(found.size() == 2);
  CHECK(found[0].state == State::kDamaged);
  CHECK_FALSE(found[0].problem.empty());
  CHECK(found[1].state == State::kOrphaned);
  CHECK(code_of([&] { attach("b"); }) == ErrorCode::kCorruptData);
  CHECK(clean_shared_dicts(folder).size() == 1);
  CHECK(clean_shared_dicts(folder, true).size() == 1);
  CHECK(files() == std::vector<std::string>{"d.txt"});
  CHECK(code_of([&] { list_shared_dicts(folder + "/none"); }) == ErrorCode::kNotFound);
  std::ofstream(folder + "/b.h5dict") << "no dict";
  CHECK(unlink_shared_dict("b", folder));
}
