// Random operations by several processes against a model in memory.

#include <map>
#include <random>

#include "tests/storage/shared/actors.h"
#include "tests/storage/shared/shared_fixture.h"

using namespace h5flume;
using namespace h5flume::test;

namespace {

// What a dict ought to hold: values in a map, and the order of their keys beside it.
class Model {
 public:
  void set(int key, const Json& value) {
    if (!values_.contains(key)) order_.push_back(key);
    values_[key] = value;
  }
  bool erase(int key) {
    if (values_.erase(key) == 0) return false;
    std::erase(order_, key);
    return true;
  }
  void clear() {
    values_.clear();
    order_.clear();
  }
  Json get(int key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? Json() : found->second;
  }
  bool contains(int key) const { return values_.contains(key); }
  std::size_t size() const { return values_.size(); }
  int last() const { return order_.back(); }
  Json items() const {
    Json items = Json::array();
    for (const int key : order_) items.push_back(Json::array({key, values_.at(key)}));
    return items;
  }

 private:
  std::map<int, Json> values_;
  std::vector<int> order_;
};

}  // namespace

TEST_CASE_METHOD(SharedFixture, "any sequence of changes gives what a model gives",
                 "[storage][shared][random]") {
  const auto kind = GENERATE(ActorKind::kSameThread, ActorKind::kThread, ActorKind::kProcess);
  const std::size_t buffer_bytes = GENERATE(std::size_t{200}, std::size_t{1} << 16U);
  const bool recurse = GENERATE(false, true);
  const auto seed = std::random_device{}();
  CAPTURE(to_string(kind), buffer_bytes, recurse, seed);
  std::mt19937 random(seed);
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  const auto value = [&]() -> Json {
    switch (below(5)) {
      case 0:
        return below(1000);
      case 1:
        return std::string(static_cast<std::size_t>(below(200)), 't');
      case 2:
        return Json{{"a", below(9)}, {"b", {{"c", below(9)}}}};
      case 3:
        return Json{below(9), "x", nullptr};
      default:
        return below(2) == 0;
    }
  };
  auto owner = create({.recurse = recurse, .buffer_bytes = buffer_bytes});
  Crew crew(kind, 2, folder, "a");
  Model model;
  constexpr int kKeys = 30;
  for (int step = 0; step < 4000; ++step) {
    const int key = below(kKeys);
    switch (below(12)) {
      case 0:
      case 1:
      case 2: {
        const Json set = value();
        crew("set", key, set);
        model.set(key, set);
        break;
      }
      case 3:
      case 4:
        REQUIRE(crew("get", key) == model.get(key));
        break;
      case 5:
        REQUIRE(crew("erase", key) == model.erase(key));
        break;
      case 6: {
        const Json found = crew("pop", key);
        REQUIRE(found == model.get(key));
        model.erase(key);
        break;
      }
      case 7: {
        const Json set = value();
        const Json found = crew("setdefault", key, set);
        if (!model.contains(key)) model.set(key, set);
        REQUIRE(found == model.get(key));
        break;
      }
      case 8: {
        const Json set = value();
        // Half the time what is expected is there.
        const Json expected = model.contains(key) && below(2) == 0 ? Json::array({model.get(key)})
                                                                   : Json::array({"not there"});
        const bool swaps = expected[0] != "not there";
        REQUIRE(crew("swap", key, expected, Json::array({set})) == swaps);
        if (swaps) model.set(key, set);
        break;
      }
      case 9: {
        const bool throws = below(3) == 0;
        Json parts = Json::array();
        Model changed = model;
        for (int part = 0; part < 3; ++part) {
          const int other = below(kKeys);
          const Json set = value();
          if (below(3) == 0) {
            parts.push_back({"erase", other});
            changed.erase(other);
          } else {
            parts.push_back({"set", other, set});
            changed.set(other, set);
          }
        }
        if (throws) parts.push_back(Json::array({"throw"}));
        crew("transaction", parts);
        if (!throws) model = changed;
        break;
      }
      case 10: {
        const Json found = crew("popitem");
        if (model.size() == 0) {
          REQUIRE(found.is_null());
        } else {
          REQUIRE(found == Json::array({model.last(), model.get(model.last())}));
          model.erase(model.last());
        }
        break;
      }
      default:
        if (below(40) == 0) {
          crew("clear");
          model.clear();
        } else if (below(10) == 0) {
          crew(below(2) == 0 ? "dump" : "reload");
        }
    }
    if (step % 20 == 0) REQUIRE(crew("items") == model.items());
    REQUIRE(crew("size") == model.size());
  }
  CHECK(owner.size() == model.size());
  CHECK(attach() == owner);
  CHECK(files().size() == 2);
}
