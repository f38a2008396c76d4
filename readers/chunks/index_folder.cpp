#include "readers/chunks/index_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "core/file_mapping.h"
#include "storage/mapped/container_writer.h"

namespace h5flume::chunks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".index";
constexpr std::chrono::seconds kSettledAfter{2};
constexpr std::chrono::hours kAbandonedAfter{1};

bool is_settled(const FileIdentity& identity) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(identity.modified_ns) + kSettledAfter < now;
}

// Private, because it tells which files the user works with.
bool make_folder(const fs::path& path) {
  const auto is_there = [&] { return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST; };
  if (is_there()) return true;
  if (errno != ENOENT || !path.has_parent_path() || path.parent_path() == path) return false;
  return make_folder(path.parent_path()) && is_there();  // others may be making it, too
}

// An index of this user's own. Nobody else's: who owns a file can cut it short while it is mapped.
FileDescriptor open_own(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || status.st_uid != ::geteuid()) return {};
  return file;
}

}  // namespace

std::string IndexFolder::path_of(const FileIdentity& identity, const std::string& dataset,
                                 bool allow_outside_sources) const {
  const std::string key =
      fmt::format("{} {} {} {} {} {} {}", H5FLUME_VERSION, identity.device, identity.inode,
                  identity.size_bytes, identity.modified_ns, allow_outside_sources, dataset);
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return fmt::format("{}/{:016x}{:016x}{}", path_, hash.high64, hash.low64, kSuffix);
}

std::optional<IndexedDataset> IndexFolder::find(const std::string& file, const std::string& dataset,
                                                bool allow_outside_sources) const noexcept {
  if (path_.empty()) return std::nullopt;
  try {
    const FileIdentity identity = identity_of(file);
    const std::string path = path_of(identity, dataset, allow_outside_sources);
    const FileDescriptor own = open_own(path);
    if (!own) return std::nullopt;
    auto mapping = std::make_shared<const FileMapping>(own.get(), path);
    const auto bytes = mapping->bytes();
    auto indexed = decode_index(bytes, std::move(mapping));
    if (indexed.identity != identity || indexed.info.path != dataset ||
        indexed.allow_outside_sources != allow_outside_sources) {
      return std::nullopt;
    }
    indexed.info.file = file;  // there may be several paths to it
    ::futimens(own.get(), nullptr);
    return indexed;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void IndexFolder::keep(const IndexedDataset& indexed) const noexcept {
  if (path_.empty() || indexed.map.chunks.size() < kFewestChunks) return;
  try {
    if (!is_settled(indexed.identity) || !make_folder(path_)) return;
    if (indexed.map.chunks.span().size_bytes() > most_bytes_) return;
    const std::string path =
        path_of(indexed.identity, indexed.info.path, indexed.allow_outside_sources);
    if (fs::is_symlink(path)) fs::remove(path);  // where it leads is nothing of ours
    // Its checksums tell if the machine went down before all of it was on the disk.
    write_index(indexed, mapped::to_file(path));
    make_room();
  } catch (const std::exception&) {
    return;  // without room, or without the right to write
  }
}

void IndexFolder::make_room() const {
  struct Kept {
    fs::file_time_type used;
    std::uint64_t size;
    fs::path path;
  };
  std::vector<Kept> all;
  std::uint64_t total = 0;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& entry : fs::directory_iterator(path_)) {
    std::error_code gone;
    const Kept kept{entry.last_write_time(gone), entry.file_size(gone), entry.path()};
    if (gone) continue;
    const std::string name = kept.path.filename().string();
    if (name.ends_with(kSuffix)) {
      total += kept.size;
      all.push_back(kept);
    } else if (name.find(std::string(kSuffix) + '.') != std::string::npos &&
               name.ends_with(".tmp") && kept.used + kAbandonedAfter < now) {
      fs::remove(kept.path, gone);  // its writer was killed
    }
  }
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const Kept& oldest : all) {
    if (total <= most_bytes_) return;
    std::error_code gone;
    fs::remove(oldest.path, gone);
    total -= oldest.size;
  }
}

std::string index_folder_path(const std::optional<std::string>& option) {
  if (option) return *option;
  if (const char* folder = std::getenv("H5FLUME_INDEX_FOLDER")) return folder;
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return std::string(cache) + "/h5flume";
  const char* const home = std::getenv("HOME");
  if (home && *home == '/') return std::string(home) + "/.cache/h5flume";
  return {};
}

}  // namespace h5flume::chunks
