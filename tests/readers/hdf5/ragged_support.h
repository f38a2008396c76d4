#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/list_view.h"
#include "tests/readers/hdf5/hdf5_support.h"

/// The vocabulary for variable-length data: write it with libhdf5, compare what comes back.
namespace h5flume::hdf5 {

using Texts = std::vector<std::optional<std::string>>;  // nothing: a null pointer
template <class T>
using Lists = std::vector<std::vector<T>>;

inline H5::StrType text_type(H5T_str_t padding = H5T_STR_NULLTERM) {
  H5::StrType type(H5::PredType::C_S1, H5T_VARIABLE);
  type.setCset(H5T_CSET_UTF8);
  type.setStrpad(padding);
  return type;
}

inline void write_texts(H5::H5File& file, const std::string& path,
                        const std::vector<hsize_t>& shape, const Texts& texts,
                        const H5::DSetCreatPropList& creation = {},
                        const H5::StrType& type = text_type()) {
  std::vector<const char*> pointers;
  for (const auto& text : texts) pointers.push_back(text ? text->c_str() : nullptr);
  write_dataset(file, path, shape, pointers, type, type, creation);
}

/// `stored` is the type of the values in the file, `memory` that of T.
template <class T>
void write_lists(H5::H5File& file, const std::string& path, const std::vector<hsize_t>& shape,
                 Lists<T> lists, const H5::DataType& stored, const H5::DataType& memory,
                 const H5::DSetCreatPropList& creation = {}) {
  std::vector<hvl_t> pointers;
  for (auto& list : lists) pointers.push_back({list.size(), list.data()});
  write_dataset(file, path, shape, pointers, H5::VarLenType(stored), H5::VarLenType(memory),
                creation);
}

/// Lists of no to ten values that tell which element they belong to.
inline Lists<std::int32_t> counting_lists(std::size_t count) {
  Lists<std::int32_t> lists;
  for (std::size_t i = 0; i < count; ++i) {
    lists.push_back(counting(i * 7 % 11, static_cast<std::int32_t>(i * 100)));
  }
  return lists;
}

/// Strings of no to some dozen bytes, null pointers and letters beyond ASCII among them.
inline Texts counting_texts(std::size_t count) {
  Texts texts;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t k = 0; k < i * 5 % 7; ++k) text += "é€" + std::to_string(i);
    texts.push_back(i % 13 == 4 ? std::nullopt : std::optional(text));
  }
  return texts;
}

/// The rows of a dataset as bytes of a block.
inline std::vector<std::byte> rows_as_block(Dataset& dataset, std::uint64_t first_row,
                                            std::uint64_t row_count,
                                            std::size_t capacity_bytes = 1 << 20) {
  std::vector<std::byte> memory(capacity_bytes);
  ListWriter writer(memory, row_count * dataset.info().row_elements(),
                    dataset.info().type.value_size());
  dataset.append_rows(first_row, row_count, writer);
  REQUIRE(writer.fits());
  CHECK(writer.missing_elements() == 0);
  memory.resize(writer.needed_bytes());
  return memory;
}

inline Texts texts_in(const StringsView& view) {
  Texts texts;
  for (std::size_t i = 0; i < view.size(); ++i) texts.emplace_back(view[i]);
  return texts;
}

template <class T>
Lists<T> lists_in(const ListsView<T>& view) {
  Lists<T> lists;
  for (std::size_t i = 0; i < view.size(); ++i) lists.emplace_back(view[i].begin(), view[i].end());
  return lists;
}

inline Texts read_texts(const std::string& file, const std::string& path) {
  Dataset dataset(file, path);
  const std::uint64_t rows = dataset.info().row_count();
  const auto bytes = rows_as_block(dataset, 0, rows);
  return texts_in(StringsView(ListLayout(nullptr, bytes, rows * dataset.info().row_elements(), 1)));
}

template <class T>
Lists<T> read_lists(const std::string& file, const std::string& path) {
  Dataset dataset(file, path);
  const std::uint64_t rows = dataset.info().row_count();
  const auto bytes = rows_as_block(dataset, 0, rows);
  return lists_in(
      ListsView<T>(ListLayout(nullptr, bytes, rows * dataset.info().row_elements(), sizeof(T))));
}

/// Null pointers are read as empty strings.
inline Texts without_nulls(Texts texts) {
  for (auto& text : texts) text = text.value_or("");
  return texts;
}

template <class T>
Lists<T> slice(const Lists<T>& lists, std::size_t first, std::size_t count) {
  return {lists.begin() + static_cast<std::ptrdiff_t>(first),
          lists.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

}  // namespace h5flume::hdf5
