#include "readers/hdf5/dataset_json_internal.h"
#include "tests/readers/hdf5/hdf5_support.h"

namespace h5flume::hdf5 {
namespace {

DatasetInfo rich_info() {
  ElementType colour = element_type_of<std::int16_t>();
  colour.kind = ElementKind::kEnum;
  colour.members = {{"RED", 1}, {"NONE", -1}};
  ElementType pair;
  pair.kind = ElementKind::kArray;
  pair.size = 4;
  pair.base = {colour};
  pair.dims = {2};
  DatasetInfo info;
  info.file = "runs/7.h5";
  info.path = "/events";
  info.shape = {10, 2};
  info.type.kind = ElementKind::kCompound;
  info.type.size = 12;
  info.type.fields = {{"c", 0, colour}, {"p", 4, pair}};
  info.layout = Layout::kChunked;
  info.chunk = {5, 2};
  info.filters = {{32015, "zstd", {3}}};
  info.stored_bytes = 77;
  return info;
}

TEST_CASE("what describes a dataset survives a trip through JSON", "[readers][hdf5][json]") {
  const DatasetInfo info = rich_info();
  const std::string text = dump_json(info);
  CHECK(nlohmann::json::parse(text).get<DatasetInfo>() == info);

  const FileIdentity identity{1, 2, 3, -4};
  CHECK(nlohmann::json(identity).get<FileIdentity>() == identity);
}

DatasetInfo ragged_info() {
  DatasetInfo info = rich_info();
  info.type = ElementType{};
  info.type.kind = ElementKind::kList;
  info.type.base = {element_type_of<float>()};
  info.mean_value_bytes_at_most = 99;
  info.hdf5_reason = "its elements are of variable length";
  return info;
}

TEST_CASE("variable-length data survives a trip through JSON", "[readers][hdf5][json]") {
  DatasetInfo info = ragged_info();
  CHECK(nlohmann::json::parse(dump_json(info)).get<DatasetInfo>() == info);
  info.type = ElementType{};
  info.type.kind = ElementKind::kText;
  CHECK(nlohmann::json::parse(dump_json(info)).get<DatasetInfo>() == info);
}

TEST_CASE("variable-length data inside another type is refused", "[readers][hdf5][json]") {
  nlohmann::json json = ragged_info();
  json["type"]["base"] = json["type"];
  CHECK(error_of([&] { json.get<DatasetInfo>(); }).code() == ErrorCode::kCorruptData);
}

TEST_CASE("JSON for people names type and size", "[readers][hdf5][json]") {
  const nlohmann::json json = rich_info();
  CHECK(json.at("dtype") == "{c: enum of int16, p: enum of int16[2]}");
  CHECK(json.at("decoded_bytes") == 240);
  CHECK(json.at("layout") == "chunked");
}

TEST_CASE("JSON that contradicts itself is refused", "[readers][hdf5][json]") {
  nlohmann::json json = rich_info();
  SECTION("a field outside its compound") { json["type"]["fields"][1]["offset"] = 9; }
  SECTION("an unknown kind") { json["type"]["kind"] = "quaternion"; }
  SECTION("an array of another size") { json["type"]["fields"][1]["type"]["dims"] = {3}; }
  SECTION("no shape") { json["shape"] = std::vector<int>{}; }
  SECTION("ranks that differ") { json["chunk"] = {5}; }
  SECTION("a size beyond 2^64") { json["shape"] = {1ull << 62, 1ull << 62}; }
  SECTION("an unknown layout") { json["layout"] = "folded"; }
  CHECK(error_of([&] { json.get<DatasetInfo>(); }).code() == ErrorCode::kCorruptData);
}

TEST_CASE("JSON of another form is refused", "[readers][hdf5][json]") {
  nlohmann::json json = rich_info();
  json.erase("path");
  CHECK_THROWS_AS(json.get<DatasetInfo>(), nlohmann::json::exception);
}

TEST_CASE("names that are not UTF-8 do not break the text", "[readers][hdf5][json]") {
  DatasetInfo info = rich_info();
  info.path = "/\xff";
  CHECK_NOTHROW(nlohmann::json::parse(dump_json(info)));
}

}  // namespace
}  // namespace h5flume::hdf5
