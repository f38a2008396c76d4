#pragma once

#include <string>
#include <string_view>

#include "core/selection.h"

namespace h5flume {

/// Reads a selection as Python writes it behind an array: "[10:20, ::2]", "['col'][5:9]",
/// "[..., -1]", "[[3, 1, 1], :]", "[['x', 'y']]", "[[True, False, True]]", "[()]" for everything.
///
///   selection = step { step }
///   step      = "[" ( "()" | name | "[" name { "," name } [","] "]" | item { "," item } [","] )
///   "]" item      = integer | [integer] ":" [integer] [ ":" [integer] ] | "..." | list list      =
///   "[" [ entry { "," entry } [","] ] "]"      entries: integers, or True and False name      = a
///   string in ' or ", with the escapes \\ \' \" \n \r \t \xHH (ASCII only)
///
/// Spaces may stand between any two of these. The parser is written by hand: nine rules without
/// recursion, most of whose code says what was expected where, which a parser library leaves to us.
///
/// Throws kInvalidArgument; the message names the character, counted from 1 in bytes, and what
/// stands there. Errors of Selection's constructors are placed where the item or step begins.
Selection parse_selection(std::string_view text);

/// The inverse: parse_selection(to_string(s)) == s, except that an empty mask, for an axis without
/// places, becomes an empty list, which takes the same.
std::string to_string(const Selection& selection);

/// The same for messages: lists may be long, and then their middle is left out.
std::string to_short_string(const Selection& selection);

}  // namespace h5flume
