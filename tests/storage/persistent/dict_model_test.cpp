// Random operations on dicts against a model in memory.

#include "tests/storage/persistent/dict_model.h"

#include <memory>
#include <random>

#include "tests/storage/persistent/dict_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

std::string expected_text(const DictModel<int>& model) {
  std::string text;
  for (const auto& [key, value] : model.entries()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(key) + "=" + std::to_string(value);
  }
  return text;
}

}  // namespace

TEST_CASE_METHOD(DictFixture, "any sequence of changes gives what a model gives",
                 "[storage][persistent][dict][random]") {
  const auto options = generate_options();
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int limit) { return static_cast<int>(random() % limit); };
  constexpr int kKeys = 40;
  DictModel<int> model;
  std::vector<PersistentDict> handles;
  handles.push_back(open(options));
  // Several handles on one dict agree unless they batch.
  const bool shared = options.durability != Durability::kBatched;
  if (shared) handles.push_back(open(options));

  const int steps = options.durability == Durability::kPower ? 300 : 1500;
  for (int step = 0; step < steps; ++step) {
    auto& dict = handles[random() % handles.size()];
    const int key = below(kKeys);
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        dict.set(key, step);
        model.set(key, step);
        break;
      case 3:
      case 4:
        REQUIRE(dict.erase(key) == model.erase(key));
        break;
      case 5:
      case 6: {
        const auto found = dict.find(key);
        const auto* expected = model.value(key);
        REQUIRE(found.has_value() == (expected != nullptr));
        if (expected) REQUIRE(*found == *expected);
        break;
      }
      case 7: {
        const int sum = dict.increment(key, "", 3);
        model.set(key, (model.value(key) ? *model.value(key) : 0) + 3);
        REQUIRE(sum == *model.value(key));
        break;
      }
      case 8:
        REQUIRE(dict.size() == model.size());
        break;
      case 9:
        if (below(3) == 0) REQUIRE(text_of(dict) == expected_text(model));
        if (below(3) == 0) {
          REQUIRE(text_of(dict, PersistentDict::View::kLive) == expected_text(model));
        }
        break;
      case 10:
        if (below(10) == 0) {  // gives the log to the engine
          dict.close();
          dict = open(options);
        }
        break;
      default:
        if (below(60) == 0) {
          dict.clear();
          model.clear();
        } else {
          std::vector<DictItem> items;
          for (int more = 0; more < 3; ++more) {
            items.push_back({below(kKeys), step});
            model.set(std::stoi(items.back().key.json_text()), step);
          }
          dict.update(items);
        }
    }
  }
  for (auto& dict : handles) REQUIRE(text_of(dict) == expected_text(model));
  handles.clear();
  CHECK(text_of(open()) == expected_text(model));
}
