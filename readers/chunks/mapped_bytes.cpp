#include "readers/chunks/mapped_bytes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace h5flume::chunks {
namespace {

// Fewer bytes are copied sooner into a buffer that stays in the second-level cache than their pages
// are mapped for the first time. Beyond that size the copy goes through the memory.
constexpr std::size_t kLargeRun = 512 << 10;

// Has what is not in memory read in one go, and not a few pages at each fault.
void read_ahead(std::span<const std::byte> bytes) noexcept {
  static const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::uintptr_t first_page = begin & ~(page_bytes - 1);
  ::madvise(reinterpret_cast<void*>(first_page), begin - first_page + bytes.size(), MADV_WILLNEED);
}

}  // namespace

MappedBytes::MappedBytes(FileBytes file, std::uint64_t data_bytes)
    : file_(std::move(file)), mapping_(file_.descriptor(), file_.path()), data_bytes_(data_bytes) {}

std::span<const std::byte> MappedBytes::fetch(std::uint64_t offset, std::size_t size_bytes,
                                              std::vector<std::byte>& buffer) const {
  const auto all = mapping_.bytes();
  const bool is_first_pass =
      fetched_bytes_.fetch_add(size_bytes, std::memory_order_relaxed) < data_bytes_;
  if (is_first_pass && size_bytes < kLargeRun) return file_.fetch(offset, size_bytes, buffer);
  if (offset > all.size() || size_bytes > all.size() - offset) {
    return file_.fetch(offset, size_bytes, buffer);  // which says what is wrong
  }
  file_.check_unchanged();  // a file that has been cut short already is an error like any other
  const auto bytes = all.subspan(offset, size_bytes);
  if (size_bytes >= kLargeRun) read_ahead(bytes);
  return bytes;
}

}  // namespace h5flume::chunks
