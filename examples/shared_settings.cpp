#include <iostream>

#include "storage/shared/shared_dict.h"

using namespace h5flume;

int main() {
  // In each process of a run: whoever comes first makes it.
  auto dict = SharedDict::create_or_attach("h5flume-example", {.recurse = true});
  dict.set("learning_rate", 1e-3);
  dict.set("workers", Json{{"w0", {{"rows", 0}}}});
  dict.nested("workers").nested("w0").increment("rows", 4096);

  // Several changes that the others see together, or not at all.
  dict.transaction([&] {
    dict.increment("epoch");
    dict.erase("last_error");
  });

  if (const auto rate = dict.get<double>("learning_rate")) std::cout << *rate << "\n";
  std::cout << dict.to_json().dump() << "\n";

  // Until somebody changes something, but no longer than 10 ms.
  dict.wait_for_change(dict.version(), std::chrono::milliseconds(10));
}
