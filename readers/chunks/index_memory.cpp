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
#include "storage/mapped/container_writer.h"

namespace h5flume::chunks {
namespace {

constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

FileDescriptor index_to_memory(const IndexedDataset& indexed) {
  // Asked first, because the kernel's answer to a page it cannot give may be to kill someone.
  const std::size_t bytes = indexed.map.chunks.span().size_bytes();  // and little besides
  if (bytes > available_memory_bytes()) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("hand over an index: {} bytes are more than is free", bytes));
  }
  FileDescriptor memory(::memfd_create("h5flume index", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) throw_system_error("hand over an index", errno);
  write_index(indexed, mapped::to_descriptor(memory.get(), "an index in memory"));
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
