#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/element_type.h"
#include "core/selection.h"

namespace h5flume {

/// Which bytes of an element are wanted: those of some of its fields.
///
/// What is an array in itself gives its axes to the result, as numpy has it: `type` is what the
/// array is made of, and `axes` are its dimensions.
struct ElementPick {
  /// Bytes that lie together in the dataset's element and in the picked one.
  struct Piece {
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t bytes = 0;

    bool operator==(const Piece&) const = default;
  };

  ElementType type;
  std::vector<std::uint64_t> axes;  ///< empty, where the element or chosen field is no array
  std::size_t element_bytes = 0;    ///< of the dataset's element
  std::vector<Piece> pieces;        ///< ascending in `to`, of the first of the array's elements

  /// Whether the dataset's elements are wanted as they are.
  bool is_whole() const noexcept;

  /// Copies what is wanted of an element, whose array has one element at most.
  void copy(const std::byte* from, std::byte* to) const noexcept {
    for (const Piece& piece : pieces) std::memcpy(to + piece.to, from + piece.from, piece.bytes);
  }
};

/// The names of a compound's fields, for messages: "id, pos".
std::string field_names(const ElementType& compound);

/// A field somewhere inside a compound.
struct FieldPlace {
  std::size_t offset = 0;  ///< in bytes, from the start of the outermost compound
  const ElementType* type = nullptr;
};

/// Finds the field at `path`, "outer/inner"; a name may itself contain a slash. Throws
/// kInvalidArgument, naming the fields that there are.
FieldPlace find_field(const ElementType& compound, const std::string& path);

/// Whether the field `path` is `outer` or lies in it: "outer/inner" does.
bool lies_in_field(const std::string& path, const std::string& outer);

/// Throws kInvalidArgument, naming the field and those there are, for one that `element` does not
/// have, and for one that is named twice.
ElementPick pick_fields(const ElementType& element, const FieldChoice& choice);

/// The fields of a row, as StreamOptions::fields has them: a compound of several, which bear their
/// paths as names, or one as it is, arrays too. Throws as pick_fields() does, and kInvalidArgument
/// for a field that lies in another one.
ElementPick pick_columns(const ElementType& row, const std::vector<std::string>& fields);

}  // namespace h5flume
