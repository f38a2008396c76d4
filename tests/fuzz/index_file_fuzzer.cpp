// Feeds decode_index() damaged and forged indices (tests/fuzz/damage.h says how), and reads by
// those that it believes. Clang with -fsanitize=fuzzer brings the search; built without it, this
// replays the files it is given, or tries random inputs: see tests/fuzz/replay.h.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/error.h"
#include "readers/chunks/direct_reader.h"
#include "readers/chunks/index_file.h"
#include "storage/mapped/container_writer.h"
#include "tests/fuzz/damage.h"
#include "tests/fuzz/replay.h"

using namespace h5flume;

namespace {

constexpr std::uint64_t kFileBytes = 1 << 16;

// A file that holds the same byte everywhere.
class Monotone final : public chunks::ByteSource {
 public:
  explicit Monotone(const FileIdentity& identity) : identity_(identity) {}
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > identity_.size_bytes || out.size() > identity_.size_bytes - offset) std::abort();
    std::fill(out.begin(), out.end(), std::byte{0x2a});
  }
  std::span<const std::byte> fetch(std::uint64_t offset, std::size_t size_bytes,
                                   std::vector<std::byte>& buffer) const override {
    if (buffer.size() < size_bytes) buffer.resize(size_bytes);
    read(offset, {buffer.data(), size_bytes});
    return {buffer.data(), size_bytes};
  }
  void check_unchanged() const override {}
  const FileIdentity& identity() const noexcept override { return identity_; }

 private:
  FileIdentity identity_;
};

chunks::IndexedDataset dataset_of(std::vector<std::uint64_t> shape,
                                  std::vector<std::uint64_t> chunk) {
  chunks::IndexedDataset indexed;
  indexed.info.file = "a.h5";
  indexed.info.path = "/x";
  indexed.info.shape = std::move(shape);
  indexed.info.chunk = std::move(chunk);
  indexed.info.type = {.kind = ElementKind::kInteger, .size = 4, .is_signed = true};
  indexed.identity = {.device = 1, .inode = 2, .size_bytes = kFileBytes, .modified_ns = 3};
  indexed.map.element_bytes = 4;
  indexed.map.fill.resize(4);
  if (indexed.info.chunk.empty()) {
    indexed.info.layout = hdf5::Layout::kContiguous;
    indexed.map.address = 2048;
    return indexed;
  }
  indexed.info.layout = hdf5::Layout::kChunked;
  std::uint64_t count = 1;
  for (std::size_t axis = 0; axis < indexed.info.shape.size(); ++axis) {
    indexed.map.grid.push_back((indexed.info.shape[axis] - 1) / indexed.info.chunk[axis] + 1);
    count *= indexed.map.grid.back();
  }
  std::vector<hdf5::StoredChunk> table(count);
  for (std::uint64_t i = 1; i < count; ++i) table[i] = {2048 + 64 * i, 48, 0};  // 0 is missing
  indexed.map.chunks = hdf5::ChunkTable(std::move(table));
  return indexed;
}

std::vector<std::vector<std::byte>> valid_indices() {
  auto contiguous = dataset_of({10, 3}, {});
  contiguous.map.swap_bytes = 4;
  auto plain = dataset_of({10, 4}, {3, 4});
  auto filtered = dataset_of({10, 9}, {3, 4});
  filtered.info.filters = {{2, "shuffle", {4}}, {1, "gzip", {4}}, {3, "fletcher32", {}}};
  filtered.map.edge_chunks_unfiltered = true;
  auto text = dataset_of({6}, {4});
  text.info.type = {.kind = ElementKind::kCompound, .size = 8};
  const ElementType string{.kind = ElementKind::kString, .size = 2};
  text.info.type.fields = {
      {"a", 0, string},
      {"b", 2, {.kind = ElementKind::kArray, .size = 6, .base = {string}, .dims = {3}}}};
  text.map.element_bytes = 8;
  text.map.fill.resize(8);
  using Padding = hdf5::TextRun::Padding;
  text.map.text = {{Padding::kFirstNul, 0, 2, {}}, {Padding::kSpaces, 2, 2, {{3, 2}}}};
  std::vector<std::vector<std::byte>> indices;
  for (const auto* indexed : {&contiguous, &plain, &filtered, &text}) {
    chunks::write_index(*indexed, mapped::to_memory(indices.emplace_back()));
  }
  return indices;
}

// What has been believed must be harmless, whatever the file holds.
void read_by(const chunks::IndexedDataset& indexed) {
  constexpr std::uint64_t kMost = 1 << 20;
  const auto& info = indexed.info;
  std::uint64_t chunk_bytes = info.type.size;
  for (const std::uint64_t extent : info.chunk) {
    if (__builtin_mul_overflow(chunk_bytes, extent, &chunk_bytes)) std::abort();
  }
  // A file of another size would not have this index.
  if (indexed.identity.size_bytes > kMost || chunk_bytes > kMost || info.row_bytes() > kMost) {
    return;
  }
  using chunks::DirectReader;
  auto source = std::make_shared<chunks::DirectSource>();
  source->info = info;
  source->map = indexed.map;
  source->bytes = std::make_unique<Monotone>(indexed.identity);
  DirectReader reader(std::move(source), kMost);
  // The first rows and the last.
  const std::uint64_t rows = std::min<std::uint64_t>(info.row_count(), 3);
  std::vector<std::byte> out(rows * info.row_bytes());
  for (const std::uint64_t first : {std::uint64_t{0}, info.row_count() - rows}) {
    try {
      reader.read_rows(first, rows, out);
    } catch (const Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto models = valid_indices();
  if (size == 0) return 0;
  const auto damaged = fuzz::damage({data, size}, models);
  // Memory of the exact size, so that a sanitizer sees one byte too many.
  const auto exact = std::make_shared<test::ExactBytes>(damaged.bytes);
  try {
    read_by(chunks::decode_index(exact->span(), exact));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) std::abort();
  }
  return 0;
}

#if !defined(H5FLUME_LIBFUZZER)

namespace {

// Else everything would be refused.
void read_valid_indices() {
  for (const auto& valid : valid_indices()) {
    const auto exact = std::make_shared<test::ExactBytes>(valid);
    read_by(chunks::decode_index(exact->span(), exact));
  }
}

}  // namespace

int main(int argc, char** argv) {
  read_valid_indices();
  return fuzz::replay(argc, argv, [](auto& random) { return fuzz::some_changes(random, 4); });
}

#endif
