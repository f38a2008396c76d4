#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "readers/chunks/index_file.h"

namespace h5flume::chunks {

/// Indices of large datasets, kept on disk for the next program that opens them.
///
/// Nothing here is an error: without a folder that can be read or written, indices are made anew
/// each time. A kept index serves a file of the same device, inode, size and time of change only,
/// and is checked as if a stranger had made it. Files appear whole or not at all, so that any
/// number of processes may keep and find at once.
///
/// Threads: as a value.
class IndexFolder {
 public:
  /// Making an index of fewer chunks is as quick as finding one.
  static constexpr std::uint64_t kFewestChunks = 10'000;

  /// All indices in the folder together; those that were used longest ago have to go.
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

  /// `path`: of the folder, which is made when it is needed. Empty: nothing is found or kept.
  explicit IndexFolder(std::string path, std::uint64_t most_bytes = kMostBytes)
      : path_(std::move(path)), most_bytes_(most_bytes) {}

  /// The index of dataset `dataset` of `file`, mapped, for as long as its chunks are there; nothing
  /// if there is none that can be believed.
  std::optional<IndexedDataset> find(const std::string& file, const std::string& dataset,
                                     bool allow_outside_sources) const noexcept;

  /// Keeps an index, unless it has too few chunks, or its file was written to in the last two
  /// seconds: another write so soon after might leave size and time as they are.
  void keep(const IndexedDataset& indexed) const noexcept;

  /// Where the index of a dataset lies or would lie.
  std::string path_of(const FileIdentity& identity, const std::string& dataset,
                      bool allow_outside_sources) const;

 private:
  void make_room() const;

  std::string path_;
  std::uint64_t most_bytes_;
};

/// The folder that FileOptions::index_folder stands for: `option` if it is set, else the
/// environment variable H5FLUME_INDEX_FOLDER, else h5flume in $XDG_CACHE_HOME or in ~/.cache.
/// Empty: none.
std::string index_folder_path(const std::optional<std::string>& option);

}  // namespace h5flume::chunks
