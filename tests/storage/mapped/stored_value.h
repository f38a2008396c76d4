#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "storage/mapped/mapped_array.h"
#include "storage/mapped/types.h"
#include "tests/support/catch.h"

// What the tests of types of fields have in common.
namespace h5flume::test {

// One stored value, and what keeps it.
template <class T>
struct Stored {
  explicit Stored(const T& value)
      : bytes(MappedArray<T>::build_bytes(std::vector<T>{value})),
        array(MappedArray<T>::from_bytes(bytes)) {}
  auto view() const { return array[0]; }
  T clone() const {
    const mapped::Region region(bytes, name);
    mapped::Cloner cloner{region, 1U << 20U};
    return mapped::Codec<T>::clone(cloner, view());
  }

  std::string name = "a value";
  std::vector<std::byte> bytes;
  MappedArray<T> array;
};

template <class T>
void check_comes_back(const T& value) {
  CHECK(Stored<T>(value).clone() == value);
}

}  // namespace h5flume::test
