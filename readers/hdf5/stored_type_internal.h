#pragma once

#include <H5Cpp.h>

#include "core/element_type.h"

namespace h5flume::hdf5 {

/// The type that a file stores elements of `type` as, so that memory_type_of() gives `type` again.
///
/// Throws Error{kUnsupported}, a cause only, for elements of variable length and floats of a size
/// that this machine does not have; H5::Exception. The caller holds a LibraryAccess.
H5::DataType stored_type(const ElementType& type);

}  // namespace h5flume::hdf5
