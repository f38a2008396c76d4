// Settings and counters that processes share: each process that runs this adds to the counters, and
// any may change a setting, as does `h5flume shared set run7 step 5`.
#include <h5flume.h>
#include <unistd.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: shared_counters NAME\n";
    return 2;
  }
  auto dict = h5flume::SharedDict::create_or_attach(argv[1], {.auto_unlink = false});
  dict.setdefault("step", 2);

  auto workers = dict.make_nested("workers");
  for (int i = 0; i < 1000; ++i) {
    const auto step = dict.get<std::int64_t>("step", 1);  // costs a few nanoseconds
    dict.transaction([&] {                                // others see both or neither
      dict.increment("total", step);
      workers.make_nested(::getpid()).increment("done", step);
    });
  }

  std::cout << "total " << *dict.get<std::int64_t>("total") << ", by " << workers.size()
            << (workers.size() == 1 ? " process\n" : " processes\n");
}
