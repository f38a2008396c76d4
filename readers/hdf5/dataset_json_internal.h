#pragma once

#include <nlohmann/json.hpp>

#include "readers/hdf5/dataset.h"
#include "readers/hdf5/dataset_info.h"

/// JSON forms of what describes a dataset: between processes of this library, and for
/// `h5flume inspect --json`.
///
///   {"file", "path", "shape", "dtype", "layout", "chunk", "filters": [{"id", "name", "values"}],
///    "stored_bytes", "mean_value_bytes_at_most", "decoded_bytes", "hdf5_reason", "type": {...}}
///
/// "dtype" and "decoded_bytes" are for people; from_json() takes "type" and computes the rest.
/// Reading throws nlohmann::json::exception for a document of another form, Error{kCorruptData}
/// for one that contradicts itself.
namespace h5flume {

void to_json(nlohmann::json& json, const ElementType& type);
void from_json(const nlohmann::json& json, ElementType& type);

void to_json(nlohmann::json& json, const FileIdentity& identity);
void from_json(const nlohmann::json& json, FileIdentity& identity);

namespace hdf5 {

void to_json(nlohmann::json& json, const Filter& filter);
void from_json(const nlohmann::json& json, Filter& filter);

void to_json(nlohmann::json& json, const DatasetInfo& info);
void from_json(const nlohmann::json& json, DatasetInfo& info);

/// Names in a file are bytes; JSON text is UTF-8. Use this in place of dump(): bytes that are not
/// UTF-8 become U+FFFD instead of an exception.
std::string dump_json(const nlohmann::json& json, int indent = -1);

}  // namespace hdf5
}  // namespace h5flume
