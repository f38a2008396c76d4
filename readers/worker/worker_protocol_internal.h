#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/slot_word.h"
#include "readers/hdf5/dataset.h"
#include "readers/hdf5/dataset_json_internal.h"
#include "readers/stream/block_plan.h"

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
};

}  // namespace h5flume::protocol

namespace h5flume {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(WorkerId, number, incarnation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RowRange, first, count)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BlockPlan, rows, block_rows, cyclic, remainder)

namespace hdf5 {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenOptions, fields, allow_outside_sources, direct, index_folder,
                                   chunk_cache_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ListedDataset, path, error)
}  // namespace hdf5

namespace protocol {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenRequest, file, dataset, options, memory_bytes, hand_over)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OpenReply, info, identity)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(FillRequest, workers, plan)
}  // namespace protocol

}  // namespace h5flume
