#pragma once

#include <string>
#include <vector>

#include "storage/persistent/persistent_dict.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace h5flume::test {

// A dict in a folder of its own, opened with some options.
struct DictFixture {
  TemporaryFolder folder;
  std::string path = folder.file("a.dict");

  PersistentDict open(const DictOptions& options = {}) const {
    return PersistentDict(path, options);
  }
};

// The ways of use that one contract suite runs over.
inline DictOptions generate_options() {
  const int way = GENERATE(0, 1, 2, 3, 4);
  CAPTURE(way);
  switch (way) {
    case 0:
      return {.durability = Durability::kProcess};
    case 1:
      return {.durability = Durability::kPower};
    case 2:
      return {.durability = Durability::kBatched, .sync_at = 1};
    case 3:
      return {.durability = Durability::kBatched, .sync_at = 3};
    default:
      return {.durability = Durability::kProcess, .cache_bytes = 0};
  }
}

// All entries as text, in order: "key=value key=value".
inline std::string text_of(const PersistentDict& dict,
                           PersistentDict::View view = PersistentDict::View::kSnapshot) {
  std::string text;
  for (const auto& [key, value] : dict.items(view)) {
    if (!text.empty()) text += ' ';
    text += key.json_text() + "=" + value.dump();
  }
  return text;
}

}  // namespace h5flume::test
