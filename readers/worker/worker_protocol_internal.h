#pragma once

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/resolved_selection.h"
#include "core/slot_word.h"
#include "readers/hdf5/dataset.h"
#include "readers/hdf5/dataset_json_internal.h"
#include "readers/stream/block_plan.h"
#include "readers/stream/row_filter.h"

// What a worker and the process that started it say to each other, as messages on a Channel:
// see docs/worker-protocol.md.
namespace h5flume::protocol {

using Json = nlohmann::json;

// MessagePack, because strings of files and file names need not be UTF-8.
inline std::string encode(const Json& json) {
  std::string bytes;
  Json::to_msgpack(json, bytes);
  return bytes;
}
inline Json decode(const std::string& bytes) { return Json::from_msgpack(bytes); }

inline Json error_reply(const Error& error) {
  return {{"error", {{"code", to_string(error.code())}, {"message", error.what()}}}};
}

inline Error error_in(const Json& error) {
  return {error_code_from(error.at("code").get<std::string>()),
          error.at("message").get<std::string>()};
}

struct OpenRequest {
  std::string file;
  std::string dataset;
  hdf5::OpenOptions options;
  std::uint64_t memory_bytes = 0;
  bool hand_over = false;  // the dataset's index comes with the reply, where there is one
};

struct OpenReply {
  hdf5::DatasetInfo info;
  FileIdentity identity;
};

struct FillRequest {
  std::vector<WorkerId> workers;  // as many threads
  BlockPlan plan;
  FilterPlan filter;  // with an empty condition: none
};

struct SelectRequest {
  std::vector<ResolvedAxis> axes;
  FieldChoice fields;
  std::uint64_t memory = 0;               // its number; a descriptor that comes along is of it
  std::vector<std::uint64_t> taken_back;  // numbers of memory to let go, before anything else
};

}  // namespace h5flume::protocol

namespace h5flume {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerId, number, incarnation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RowRange, first, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BlockPlan, rows, block_rows, cyclic, remainder)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FilterPlan, where, fields, read_fields)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FieldChoice, inside, names)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AxisRange, start, count, step)

// Lists may be long: as bytes they take half the space, and next to no time.
inline void to_json(nlohmann::json& json, const ResolvedAxis& axis) {
  json = {{"dropped", axis.dropped}};
  if (const auto* range = std::get_if<AxisRange>(&axis.places)) {
    json["range"] = *range;
    return;
  }
  const auto& places = std::get<std::vector<std::uint64_t>>(axis.places);
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(places.data());
  json["places"] = nlohmann::json::binary({bytes, bytes + places.size() * sizeof places[0]});
}
inline void from_json(const nlohmann::json& json, ResolvedAxis& axis) {
  axis.dropped = json.at("dropped").get<bool>();
  if (json.contains("range")) {
    axis.places = json["range"].get<AxisRange>();
    return;
  }
  const auto& bytes = json.at("places").get_binary();
  std::vector<std::uint64_t> places(bytes.size() / sizeof(std::uint64_t));
  if (!places.empty()) std::memcpy(places.data(), bytes.data(), places.size() * sizeof places[0]);
  axis.places = std::move(places);
}

namespace hdf5 {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenOptions, fields, allow_outside_sources, direct, index_folder,
                                   chunk_cache_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListedDataset, path, error)
}  // namespace hdf5

namespace protocol {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenRequest, file, dataset, options, memory_bytes, hand_over)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenReply, info, identity)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FillRequest, workers, plan, filter)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SelectRequest, axes, fields, memory, taken_back)
}  // namespace protocol

}  // namespace h5flume
