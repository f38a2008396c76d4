#pragma once

#include <string>

#include "readers/hdf5/dataset_info.h"
#include "readers/stream/block_plan.h"

namespace h5flume {

// How messages name rows: "'/events' rows 4096-8191 of run7.h5".
inline std::string rows_of(const hdf5::DatasetInfo& dataset, const RowRange& rows) {
  return hdf5::name_of_rows(dataset, rows.first, rows.count);
}

}  // namespace h5flume
