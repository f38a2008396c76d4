#include "readers/chunks/index_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "core/error.h"
#include "core/file_mapping.h"
#include "core/shared_memory.h"

namespace h5flume::chunks {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

void write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error("hand over an index", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

}  // namespace

FileDescriptor index_to_memory(const IndexedDataset& indexed) {
  const IndexBytes bytes = encode_index(indexed);
  // Asked first, because the kernel's answer to a page it cannot give may be to kill someone.
  if (bytes.size() > available_memory_bytes()) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("hand over an index: {} bytes are more than is free", bytes.size()));
  }
  FileDescriptor memory(::memfd_create("h5flume index", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) throw_system_error("hand over an index", errno);
  write_all(memory.get(), bytes.head);
  write_all(memory.get(), bytes.chunks);
  if (::fcntl(memory.get(), F_ADD_SEALS, kSeals | F_SEAL_SEAL) != 0) {
    throw_system_error("hand over an index", errno);
  }
  return memory;
}

IndexedDataset index_from_memory(FileDescriptor memory) {
  const int seals = ::fcntl(memory.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) {
    throw Error(ErrorCode::kCorruptData, "read an index: its memory is not sealed");
  }
  auto mapping = std::make_shared<const FileMapping>(memory.get(), "an index");
  const auto bytes = mapping->bytes();
  return decode_index(bytes, std::move(mapping));
}

}  // namespace h5flume::chunks
