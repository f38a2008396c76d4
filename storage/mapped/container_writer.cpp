#include "storage/mapped/container_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/test_point.h"
#include "storage/mapped/container_format_internal.h"
#include "storage/write_fully.h"

namespace h5flume::mapped {
namespace {

class FileDestination final : public Destination {
 public:
  explicit FileDestination(const std::string& path) : file_(path) {}
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    file_.write_at(offset, bytes);
  }
  void publish(bool durable) override {
    std::move(file_).commit(durable ? AtomicFile::Sync::kYes : AtomicFile::Sync::kNo);
  }
  std::string folder() const override {
    const auto parent = std::filesystem::path(file_.destination()).parent_path();
    return parent.empty() ? "." : parent.string();
  }

 private:
  AtomicFile file_;
};

class DescriptorDestination final : public Destination {
 public:
  DescriptorDestination(int descriptor, std::string name)
      : descriptor_(descriptor), name_(std::move(name)) {}
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    write_fully(descriptor_, offset, bytes, "write " + name_);
  }
  void publish(bool durable) override {
    if (durable && ::fsync(descriptor_) != 0) throw_system_error("write " + name_, errno);
  }
  std::string folder() const override { return std::filesystem::temp_directory_path().string(); }

 private:
  int descriptor_;
  std::string name_;
};

class MemoryDestination final : public Destination {
 public:
  explicit MemoryDestination(std::vector<std::byte>& bytes) : out_(bytes) {}
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (bytes.empty()) return;
    if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
    std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
  }
  void publish(bool) override { out_ = std::move(bytes_); }
  std::string folder() const override { return std::filesystem::temp_directory_path().string(); }

 private:
  std::vector<std::byte>& out_;
  std::vector<std::byte> bytes_;
};

struct FreeHash {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

}  // namespace

std::unique_ptr<Destination> to_file(const std::string& path) {
  return std::make_unique<FileDestination>(path);
}

std::unique_ptr<Destination> to_descriptor(int descriptor, std::string name) {
  return std::make_unique<DescriptorDestination>(descriptor, std::move(name));
}

std::unique_ptr<Destination> to_memory(std::vector<std::byte>& bytes) {
  return std::make_unique<MemoryDestination>(bytes);
}

struct ContainerWriter::State {
  ContainerHeader header;
  std::array<SectionEntry, kWrittenSections> table{};
  std::size_t section_count = 0;
  std::uint64_t end_of_file = kSchemaOffset;
  std::vector<std::byte> buffer;  // of the section that has begun
  std::uint64_t end_before = 0;   // of the file, before that section
  bool open = false;
  std::unique_ptr<XXH3_state_t, FreeHash> hash{XXH3_createState()};
};

ContainerWriter::ContainerWriter(std::unique_ptr<Destination> destination, ContainerKind kind,
                                 const Schema& schema, const MappedBuildOptions& options)
    : destination_(std::move(destination)),
      options_(options),
      folder_(options.temporary_folder.empty() ? destination_->folder() : options.temporary_folder),
      state_(std::make_unique<State>()) {
  if (options.writable && options.share_equal_values) {
    throw Error(ErrorCode::kInvalidArgument,
                "build a container: values that are shared cannot be written to");
  }
  state_->header.kind = kind;
  begin(SectionKind::kSchema);
  append(encode(schema));
}

ContainerWriter::~ContainerWriter() = default;

void ContainerWriter::begin(SectionKind kind) {
  end();
  State& state = *state_;
  state.end_before = state.end_of_file;
  state.end_of_file =
      (state.end_of_file + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
  state.table.at(state.section_count) = {.kind = kind, .offset = state.end_of_file};
  state.open = true;
  XXH3_64bits_reset(state.hash.get());
  test_point("mapped.section", static_cast<std::uint64_t>(kind));
}

void ContainerWriter::append(std::span<const std::byte> bytes) {
  State& state = *state_;
  if (bytes.size() > SpillFile::kBufferBytes - state.buffer.size()) flush();
  if (bytes.size() > SpillFile::kBufferBytes) {
    XXH3_64bits_update(state.hash.get(), bytes.data(), bytes.size());
    destination_->write_at(state.end_of_file, bytes);
    state.end_of_file += bytes.size();
    return;
  }
  state.buffer.insert(state.buffer.end(), bytes.begin(), bytes.end());
}

void ContainerWriter::flush() {
  State& state = *state_;
  XXH3_64bits_update(state.hash.get(), state.buffer.data(), state.buffer.size());
  destination_->write_at(state.end_of_file, state.buffer);
  state.end_of_file += state.buffer.size();
  state.buffer.clear();
}

void ContainerWriter::add(SectionKind kind, SpillFile& waiting) {
  begin(kind);
  std::vector<std::byte> part(std::min<std::uint64_t>(SpillFile::kBufferBytes, waiting.size()));
  for (std::uint64_t at = 0; at < waiting.size(); at += part.size()) {
    part.resize(std::min<std::uint64_t>(part.size(), waiting.size() - at));
    waiting.read_at(at, part);
    append(part);
  }
}

void ContainerWriter::end() {
  State& state = *state_;
  if (!state.open) return;
  flush();
  state.open = false;
  SectionEntry& entry = state.table.at(state.section_count);
  entry.bytes = state.end_of_file - entry.offset;
  entry.checksum = XXH3_64bits_digest(state.hash.get());
  if (entry.bytes > 0) {
    ++state.section_count;
  } else {
    entry = {};
    state.end_of_file = state.end_before;
  }
}

void ContainerWriter::finish(const ContainerCounts& counts, ContainerFlags flags) {
  if (!options_.note.empty()) {
    begin(SectionKind::kNote);
    append(options_.note);
  }
  end();
  State& state = *state_;
  state.header.total_bytes = state.end_of_file;
  state.header.record_count = counts.records;
  state.header.entry_count = counts.entries;
  state.header.key_count = counts.keys;
  state.header.flags = options_.writable ? flags | ContainerFlags::kWritable : flags;
  if (flags == ContainerFlags::kValuesInEntries) {
    state.header.version = state.header.least_reader = kVersionOfValuesInEntries;
  }
  state.header.head_checksum = head_checksum(state.header, state.table);
  destination_->write_at(sizeof(ContainerHeader), std::as_bytes(std::span(state.table)));
  destination_->write_at(0, std::as_bytes(std::span(&state.header, 1)));
  test_point("mapped.written", 0);
  destination_->publish(options_.durable);
}

}  // namespace h5flume::mapped
