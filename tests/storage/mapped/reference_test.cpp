#include "storage/mapped/reference.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/storage/mapped/stored_value.h"
#include "tests/support/temporary_folder.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

struct Person {
  std::string name;
  std::shared_ptr<Person> friend_of;
  std::vector<std::shared_ptr<Person>> others;
};
H5FLUME_FIELDS(Person, name, friend_of, others);

}  // namespace

TEST_CASE("one object referenced twice is stored once and cloned once",
          "[storage][mapped][types][reference]") {
  const auto shared =
      std::make_shared<Person>(Person{"a name that is longer than its slot", {}, {}});
  Person person{"p", shared, {shared, nullptr, shared}};
  const Stored stored(person);
  const auto view = stored.view();
  CHECK((*view.friend_of()).name() == shared->name);
  CHECK(view.others()[0].same_as(view.friend_of()));
  CHECK_FALSE(view.others()[1]);
  CHECK_THROWS_AS(*view.others()[1], Error);
  const auto clone = view.clone();
  CHECK(clone.friend_of == clone.others[0]);
  CHECK(clone.friend_of == clone.others[2]);

  person.others.assign(1000, shared);
  const auto many = Stored(person).bytes.size();
  person.others.assign(1000, std::make_shared<Person>());
  CHECK(many <= Stored(person).bytes.size() + 100);
}

TEST_CASE("cycles of references are stored and cloned", "[storage][mapped][types][reference]") {
  const auto one = std::make_shared<Person>(Person{"one", {}, {}});
  const auto two = std::make_shared<Person>(Person{"two", one, {one}});
  one->friend_of = two;
  const Stored stored(Person{"outside", one, {}});
  const auto clone = stored.view().clone();
  CHECK(clone.friend_of->name == "one");
  CHECK(clone.friend_of->friend_of->name == "two");
  CHECK(clone.friend_of->friend_of->friend_of == clone.friend_of);
  // Cycles of shared_ptr are never freed by themselves.
  clone.friend_of->friend_of->others.clear();
  clone.friend_of->friend_of->friend_of.reset();
  one->friend_of.reset();
}

TEST_CASE("a clone that fails in the middle of a cycle frees what it has made",
          "[storage][mapped][types][reference]") {
  const auto one = std::make_shared<Person>(Person{"one", {}, {}});
  one->friend_of = one;
  const Stored stored(Person{"outside", one, {nullptr}});
  const auto view = stored.view();
  mapped::Cloner cloner{view.region(), 2};  // enough for the cycle, not for the list
  std::weak_ptr<Person> made;
  CHECK_THROWS_WITH(view.clone(cloner), contains("over and over"));
  for (const auto& [place, known] : cloner.shared)
    made = std::static_pointer_cast<Person>(known.object);
  cloner.untie();
  cloner.shared.clear();
  CHECK(made.expired());
  one->friend_of.reset();
}

TEST_CASE("an object in the place of one that is gone is not taken for it",
          "[storage][mapped][types][reference]") {
  const TemporaryFolder folder;
  MappedArrayBuilder<Person> builder(folder.file("people"));
  for (int i = 0; i < 1000; ++i) {  // each is freed before the next is made
    const auto other = std::make_shared<Person>(Person{std::to_string(i), {}, {}});
    builder.append({"p", other, {}});
  }
  std::move(builder).finish();
  const auto array = MappedArray<Person>::open(folder.file("people"));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    REQUIRE((*array[i].friend_of()).name() == std::to_string(i));
  }
}

TEST_CASE("values of an array share what they refer to", "[storage][mapped][types][reference]") {
  const auto shared = std::make_shared<Person>(Person{std::string(1000, 'x'), {}, {}});
  const std::vector<Person> people(100, Person{"p", shared, {}});
  const auto bytes = MappedArray<Person>::build_bytes(people);
  CHECK(bytes.size() < 100 * 1000);
  const auto array = MappedArray<Person>::from_bytes(bytes);
  CHECK(array[0].friend_of().same_as(array[99].friend_of()));
}
