#include <fmt/format.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "storage/shared/segment_mapping_internal.h"

namespace h5flume::shared {
namespace {

// Below it the pages are entered into the page table at once, which costs less than one by one.
constexpr std::size_t kSmall = std::size_t{4} << 20U;

struct Known {
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, std::weak_ptr<SegmentMapping>> segments;
};

// Never destroyed: dicts may be until the very end of the program.
Known& known() {
  static Known* const all = [] {
    static auto* const made = new Known;
    // A child by fork() that attaches anew does not find it locked by a thread it does not have.
    ::pthread_atfork([] { made->mutex.lock(); }, [] { made->mutex.unlock(); },
                     [] { made->mutex.unlock(); });
    return made;
  }();
  return *all;
}

}  // namespace

std::shared_ptr<SegmentMapping> SegmentMapping::of(int descriptor, std::size_t bytes,
                                                   const std::string& operation) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_system_error(operation, errno);
  auto& [mutex, segments] = known();
  const std::lock_guard guard(mutex);
  auto& remembered = segments[{status.st_dev, status.st_ino}];
  // A file's number is not given to another while it is mapped.
  if (auto mapped = remembered.lock(); mapped && mapped->bytes().size() == bytes) return mapped;
  std::erase_if(segments, [&](const auto& entry) {
    return &entry.second != &remembered && entry.second.expired();
  });
  void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_SHARED | (bytes < kSmall ? MAP_POPULATE : 0), descriptor, 0);
  if (address == MAP_FAILED) {
    throw_system_error(fmt::format("{}: map {} bytes", operation, bytes), errno);
  }
  auto mapping = std::make_shared<SegmentMapping>(static_cast<std::byte*>(address), bytes);
  remembered = mapping;
  return mapping;
}

SegmentMapping::~SegmentMapping() { ::munmap(bytes_.data(), bytes_.size()); }

}  // namespace h5flume::shared
