#pragma once

namespace h5flume::mapped {

template <class T>
class View;

/// The order of stored sets, and of the keys of stored dicts: that of the plain values. Views of
/// structs have none of their own, so that they are cloned to be compared.
struct PlainOrder {
  template <class One, class Other>
  bool operator()(const One& one, const Other& other) const {
    return plain(one) < plain(other);
  }

 private:
  template <class T>
  static const T& plain(const T& value) {
    return value;
  }
  template <class T>
  static T plain(const View<T>& view) {
    return view.clone();
  }
};

}  // namespace h5flume::mapped
