#pragma once

#include <stdexcept>

#include "core/error.h"
#include "tests/support/catch.h"

namespace h5flume::test {

/// The Error that `call` throws; fails the test if it throws none.
template <class Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no error was thrown");
  throw std::logic_error("FAIL returns");
}

}  // namespace h5flume::test
