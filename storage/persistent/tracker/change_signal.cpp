#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "storage/persistent/tracker/change_signal_internal.h"

namespace h5flume::persistent {
namespace {

constexpr std::size_t kPageBytes = 4096;

}  // namespace

void ChangeSignal::Unmap::operator()(Page* page) const noexcept { ::munmap(page, kPageBytes); }

ChangeSignal::ChangeSignal(int descriptor, const std::string& name) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw_system_error("open " + name, errno);
  if (status.st_size < static_cast<off_t>(kPageBytes)) {
    // The disk's space for it too: a page that cannot be filled later would end the process.
    const int result = ::posix_fallocate(descriptor, 0, kPageBytes);
    if (result != 0) throw_system_error("write " + name, result);
  }
  void* const page = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (page == MAP_FAILED) throw_system_error("map " + name, errno);
  page_.reset(static_cast<Page*>(page));
}

// Sequentially consistent, as WaitWord's pattern asks for.
std::uint64_t ChangeSignal::count() const noexcept { return page_->changes.load(); }

void ChangeSignal::announce() noexcept {
  page_->changes.fetch_add(1);
  page_->sleepers.wake_all();
}

void ChangeSignal::wait(std::uint64_t seen,
                        std::chrono::steady_clock::time_point deadline) noexcept {
  const auto announced = page_->sleepers.announce();
  if (page_->changes.load() == seen) page_->sleepers.sleep(announced, deadline);
}

}  // namespace h5flume::persistent
