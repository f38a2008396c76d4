// Feeds decode_index() damaged and forged indices, and reads by those that it believes. An input
// begins with a byte that says what is done:
//
//   bits 0-2   which of the valid indices made here is changed; 7: the rest is the index itself
//   bit 3      length and checksums are made right afterwards, so that what lies behind them is met
//   bit 4      two bytes follow: where it is cut
//
// The rest are changes of four bytes each: where (two bytes), how, with what. Clang with
// -fsanitize=fuzzer brings the search; built without it, this replays the files it is given, or
// tries random inputs: index_file_fuzzer [COUNT [SEED]].

#include <xxhash.h>

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

void put(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t value) {
  if (at + sizeof value <= bytes.size()) std::memcpy(bytes.data() + at, &value, sizeof value);
}

std::uint64_t get(const std::vector<std::byte>& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// Changes one place, the way that numbers go wrong.
void change(std::vector<std::byte>& bytes, std::span<const std::uint8_t> how) {
  constexpr std::array<std::uint64_t, 10> kNumbers = {
      0,          1,         7,          UINT64_MAX,     UINT64_MAX - 1,
      UINT32_MAX, INT64_MAX, kFileBytes, kFileBytes + 1, std::uint64_t{1} << 63};
  if (bytes.empty()) return;
  const std::size_t at = (how[0] + 256u * how[1]) % bytes.size();
  switch (how[2] % 4) {
    case 0:
      bytes[at] = std::byte{how[3]};
      break;
    case 1:
      bytes[at] ^= std::byte{static_cast<unsigned char>(1u << how[3] % 8)};
      break;
    case 2:
      put(bytes, at, kNumbers[how[3] % kNumbers.size()]);
      break;
    case 3:  // a number of the description, and the shape of it
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), how[3] % 9, std::byte{how[2]});
      break;
  }
}

// Replaces the checksums of a container that may be damaged by right ones, as far as it has any:
// see docs/mapped-containers.md.
void make_believable(std::vector<std::byte>& bytes) {
  constexpr std::size_t kHeader = 72;
  constexpr std::size_t kEntry = 32;
  constexpr std::size_t kEntries = 8;
  constexpr std::size_t kHeadChecksum = 64;
  if (bytes.size() < kHeader + kEntries * kEntry) return;
  put(bytes, 24, bytes.size());
  for (std::size_t at = kHeader; at < kHeader + kEntries * kEntry; at += kEntry) {
    const auto offset = get(bytes, at + 8);
    const auto length = get(bytes, at + 16);
    if (offset > bytes.size() || length > bytes.size() - offset) continue;
    put(bytes, at + 24, XXH3_64bits(bytes.data() + offset, length));
  }
  put(bytes, kHeadChecksum,
      XXH3_64bits_withSeed(bytes.data() + kHeader, kEntries * kEntry,
                           XXH3_64bits(bytes.data(), kHeadChecksum)));
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
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  const unsigned model = data[0] & 7u;
  std::vector<std::byte> bytes;
  if (model == 7) {
    const auto raw = std::as_bytes(rest);
    bytes.assign(raw.begin(), raw.end());
  } else {
    bytes = models[model % models.size()];
    if ((data[0] & 16) != 0 && rest.size() >= 2) {
      bytes.resize((rest[0] + 256u * rest[1]) % (bytes.size() + 9));
      rest = rest.subspan(2);
    }
    for (; rest.size() >= 4; rest = rest.subspan(4)) change(bytes, rest);
  }
  if ((data[0] & 8) != 0) make_believable(bytes);

  // Memory of the exact size, so that a sanitizer sees one byte too many.
  const std::shared_ptr<std::byte[]> exact(new std::byte[bytes.size()]);
  if (!bytes.empty()) std::memcpy(exact.get(), bytes.data(), bytes.size());
  try {
    read_by(chunks::decode_index({exact.get(), bytes.size()}, exact));
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
    const std::shared_ptr<std::byte[]> bytes(new std::byte[valid.size()]);
    std::memcpy(bytes.get(), valid.data(), valid.size());
    read_by(chunks::decode_index({bytes.get(), valid.size()}, bytes));
  }
}

std::vector<std::uint8_t> some_changes(std::mt19937_64& random) {
  std::vector<std::uint8_t> input(1 + random() % 24);
  for (auto& byte : input) byte = static_cast<std::uint8_t>(random());
  if (random() % 2 == 0) input[0] = static_cast<std::uint8_t>(8 + random() % 4);  // forged
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  read_valid_indices();
  return fuzz::replay(argc, argv, some_changes);
}

#endif
