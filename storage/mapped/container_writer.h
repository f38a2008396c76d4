#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/atomic_file.h"
#include "storage/mapped/build_options.h"
#include "storage/mapped/container.h"
#include "storage/mapped/spill_file.h"

namespace h5flume::mapped {

/// Where a container goes: bytes at any place, and a moment when they become visible.
class Destination {
 public:
  virtual ~Destination() = default;
  virtual void write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual void publish(bool durable) = 0;
  /// A folder with room for what waits.
  virtual std::string folder() const = 0;
};

/// A file that appears whole or not at all.
std::unique_ptr<Destination> to_file(const std::string& path);

/// An open file, from its beginning; it is the caller's to keep open and to make known. `name` is
/// for messages.
std::unique_ptr<Destination> to_descriptor(int descriptor, std::string name);

/// Memory: `bytes` are valid after publish(), and must outlive the destination.
std::unique_ptr<Destination> to_memory(std::vector<std::byte>& bytes);

/// Writes a container, section after section; each has to be written to its end before the next
/// begins. What comes out of order waits in a SpillFile.
///
/// Lifetime: a destruction without finish() leaves nothing behind. Threads: one.
class ContainerWriter {
 public:
  ContainerWriter(std::unique_ptr<Destination> destination, ContainerKind kind,
                  const Schema& schema, const MappedBuildOptions& options);
  ~ContainerWriter();
  ContainerWriter(const ContainerWriter&) = delete;
  ContainerWriter& operator=(const ContainerWriter&) = delete;

  /// Ends the section before and begins one, at a multiple of 64. An empty one is left out.
  void begin(SectionKind kind);
  void append(std::span<const std::byte> bytes);

  /// A whole section out of what has waited.
  void add(SectionKind kind, SpillFile& waiting);

  /// A file for what has to wait.
  SpillFile spill() const { return SpillFile(folder_); }
  const std::string& folder() const noexcept { return folder_; }

  /// Writes the head and publishes the container.
  void finish(const ContainerCounts& counts, ContainerFlags flags = ContainerFlags::kNone);

 private:
  struct State;

  void end();
  void flush();

  std::unique_ptr<Destination> destination_;
  const MappedBuildOptions options_;
  std::string folder_;
  std::unique_ptr<State> state_;
};

}  // namespace h5flume::mapped
