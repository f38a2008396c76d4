// Random operations on a dict by processes that are killed, against a model in memory.
//
//   H5FLUME_TEST_SECONDS: how long, 1.5 if not set

#include <array>
#include <chrono>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "tests/storage/persistent/acknowledgements.h"
#include "tests/storage/persistent/dict_fixture.h"
#include "tests/storage/persistent/dict_model.h"
#include "tests/support/child_role.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

constexpr std::size_t kBatch = 5;

DictOptions options_for(const std::string& durability) {
  if (durability == "batched") return {.durability = Durability::kBatched, .sync_at = kBatch};
  return {.durability = durability == "power" ? Durability::kPower : Durability::kProcess};
}

// The operation with a number, the same whenever it is made, on a dict or on a model.
class Operation {
 public:
  explicit Operation(std::int64_t number) : number_(number) {
    std::mt19937_64 random(static_cast<std::uint64_t>(number));
    choice_ = random() % 100;
    for (auto& key : keys_) key = static_cast<int>(random() % kKeys);
  }

  void run(PersistentDict& dict) const {
    if (clears()) return dict.clear();
    if (erases()) return static_cast<void>(dict.erase(keys_[0]));
    if (increments()) {
      const auto count = dict.get(keys_[0], {{"n", 0}})["n"].get<std::int64_t>();
      return dict.set(keys_[0], {{"n", count + 1}});
    }
    if (!sets_several()) return dict.set(keys_[0], value());
    std::vector<DictItem> items;
    for (const int key : keys_) items.push_back({key, value()});
    dict.update(items);
  }

  void run(DictModel<Json>& model) const {
    if (clears()) return model.clear();
    if (erases()) return static_cast<void>(model.erase(keys_[0]));
    if (increments()) {
      const auto* now = model.value(keys_[0]);
      return model.set(keys_[0], {{"n", (now ? (*now)["n"].get<std::int64_t>() : 0) + 1}});
    }
    if (!sets_several()) return model.set(keys_[0], value());
    for (const int key : keys_) model.set(key, value());
  }

  std::set<int> keys() const {
    if (!sets_several()) return {keys_[0]};
    return {keys_.begin(), keys_.end()};
  }

 private:
  static constexpr int kKeys = 20;

  bool clears() const { return choice_ == 0; }
  bool erases() const { return choice_ < 20; }
  bool increments() const { return choice_ < 35; }
  bool sets_several() const { return choice_ >= 85; }

  // Some are so large that the log is soon full.
  Json value() const {
    return {{"n", number_}, {"padding", std::string(choice_ % 3 == 0 ? 60'000 : 3, 'x')}};
  }

  std::int64_t number_;
  std::uint64_t choice_;
  std::array<int, 3> keys_{};
};

// Does one operation after the other, and says which it has got an answer for.
// Arguments: path, durability, number of the first operation, file of acknowledgements.
int operate(const std::vector<std::string>& arguments) {
  PersistentDict dict(arguments[0], options_for(arguments[1]));
  const Acknowledgements acknowledgements(arguments[3]);
  for (auto number = std::stoll(arguments[2]);; ++number) {
    Operation(number).run(dict);
    if (!acknowledgements.add(number)) return 1;
  }
}
const ChildRole operate_role("dict-operate", operate);

bool is_equal(const PersistentDict& dict, const DictModel<Json>& model) {
  auto items = dict.items();
  for (const auto& [key, value] : model.entries()) {
    const auto item = items.next();
    if (!item || item->key != Key(key) || item->value != value) return false;
  }
  return !items.next() && dict.size() == model.size();
}

// The last number from `from` to `end` before whose operation the model is as the dict.
std::optional<std::int64_t> last_equal(const PersistentDict& dict, DictModel<Json> model,
                                       std::int64_t from, std::int64_t end) {
  std::optional<std::int64_t> found;
  for (auto number = from; number <= end; ++number) {
    if (is_equal(dict, model)) found = number;
    Operation(number).run(model);
  }
  return found;
}

// By the operations from one number on; the erasing of what is not there changes nothing.
std::set<int> keys_changed(DictModel<Json> model, std::int64_t from, std::int64_t end) {
  std::set<int> keys;
  for (auto number = from; number < end; ++number) {
    const auto before = model;
    const Operation operation(number);
    operation.run(model);
    if (model.entries() != before.entries()) keys.merge(operation.keys());
  }
  return keys;
}

}  // namespace

TEST_CASE_METHOD(DictFixture, "a killed dict is as a model is after the operations it has answered",
                 "[storage][persistent][dict][kill][random]") {
  const std::string durability = GENERATE("process", "power", "batched");
  CAPTURE(durability);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  DictModel<Json> model;
  std::int64_t next = std::int64_t{seed} << 20U;  // the first operation that is not in the model
  std::int64_t answered = 0;
  int kills = 0;
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_of_killing());
  for (; std::chrono::steady_clock::now() < end; ++kills) {
    const auto log = folder.file("acknowledged" + std::to_string(kills));
    auto child = start_child("dict-operate", {path, durability, std::to_string(next), log});
    // Any moment will do: this is no waiting for an event.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 120));
    child.kill();
    child.wait();

    const auto [count, last] = acknowledged_in(log);
    answered += count;
    const auto end_of_answered = count == 0 ? next : last + 1;
    const auto dict = open();
    // All that was answered is there, and perhaps the one operation more that was at work. What was
    // batched may be gone, together, from some moment on.
    if (durability != "batched") {
      while (next < end_of_answered) Operation(next++).run(model);
    }
    const auto there = last_equal(dict, model, next, end_of_answered + 1);
    REQUIRE(there);
    while (next < *there) Operation(next++).run(model);
    REQUIRE(keys_changed(model, next, end_of_answered).size() <= kBatch);
    REQUIRE(dict.check().empty());
  }
  std::cout << durability << ": " << kills << " kills in between " << answered
            << " operations answered\n";
  CHECK(kills > 0);
}
