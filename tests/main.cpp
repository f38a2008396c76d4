// The main program of every test executable. Kill tests run the executable again as a child with
// a role: `core_tests --child=ROLE ARGUMENTS...`.
#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include <cstdlib>
#include <string_view>

#include "tests/support/catch.h"
#include "tests/support/child_role.h"

int main(int argc, char** argv) {
  ::setenv("H5FLUME_INDEX_FOLDER", "", 0);  // nothing goes to the user's own
  if (argc > 1 && std::string_view(argv[1]).starts_with("--child=")) {
    const auto status = h5flume::test::run_child_role(argc, argv);
    return status.value_or(2);
  }
  return Catch::Session().run(argc, argv);
}
