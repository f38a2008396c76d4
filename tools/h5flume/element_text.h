#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/element_type.h"

namespace h5flume::cli {

/// One element as Python writes it: 7, 0.5, 1.0+2.0j, True, 'text', b'\x00\x01', an enum by its
/// number, (7, 'text') for a compound, [1 2 3] for an array in a field. What does not fit into a
/// few hundred characters ends with dots. Control characters are spelled out.
///
/// `bytes` are those of one element of `type`, which is of a fixed size.
std::string element_text(const ElementType& type, const std::byte* bytes);

/// The same of one element of variable length, whose values are given: 'text', [1 2 3].
std::string list_text(const ElementType& type, std::span<const std::byte> values);

}  // namespace h5flume::cli
