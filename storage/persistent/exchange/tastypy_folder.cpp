#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "storage/persistent/exchange/tastypy_folder_internal.h"
#include "storage/sync_folder.h"

namespace h5flume::persistent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlain = ".json";
constexpr std::string_view kGzipped = ".json.gz";

bool is_gzipped_name(std::string_view name) { return name.ends_with(kGzipped); }

// The number in a name like 7.json or 7.json.gz; nothing for other names.
std::optional<std::uint64_t> file_number(std::string_view name) {
  const auto ending = is_gzipped_name(name) ? kGzipped : kPlain;
  if (!name.ends_with(ending)) return std::nullopt;
  name.remove_suffix(ending.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  if (std::to_string(number) != name) return std::nullopt;
  return number;
}

std::string file_name(std::uint64_t number, bool gzip) {
  return std::to_string(number) + std::string(gzip ? kGzipped : kPlain);
}

// The names of all that is in a folder.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    names.push_back(entries->path().filename().string());
  }
  if (error) throw_system_error("read folder " + path, error.value());
  return names;
}

std::string in_folder(const std::string& path, const std::string& name) {
  return (fs::path(path) / name).string();
}

}  // namespace

// --- reading
// --------------------------------------------------------------------------------------

TastypyFolderReader::TastypyFolderReader(std::string path) : path_(std::move(path)) {
  find_files();
  const auto gzipped = [](const File& file) { return is_gzipped_name(file.path); };
  if (std::any_of(files_.begin(), files_.end(), gzipped) &&
      !std::all_of(files_.begin(), files_.end(), gzipped)) {
    report(path_, "some files are gzipped and some are not: they do not belong together");
  }
}

void TastypyFolderReader::find_files() {
  const auto names = names_in(path_);
  for (const auto& name : names) {
    if (const auto number = file_number(name)) files_.push_back({*number, in_folder(path_, name)});
  }
  if (files_.empty() && !names.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "read folder " + path_ + ": it is none of tastypy: it has no file 0.json");
  }
  std::sort(files_.begin(), files_.end(), [](const File& left, const File& right) {
    return std::pair(left.number, is_gzipped_name(left.path)) <
           std::pair(right.number, is_gzipped_name(right.path));
  });
}

std::optional<SourceLine> TastypyFolderReader::next() {
  for (;;) {
    if (!problems_.empty()) {
      auto problem = std::move(problems_.front());
      problems_.pop_front();
      return problem;
    }
    if (!reading_) {
      if (!open_next_file()) return std::nullopt;
      continue;
    }
    if (auto line = reading_->lines.next()) {
      reading_->damaged |= !line->problem.empty();
      ++reading_->count;
      return line;
    }
    check_line_count();
    reading_.reset();
  }
}

// Also tells of the numbers that are missing before it. False after the last.
bool TastypyFolderReader::open_next_file() {
  if (next_file_ == files_.size()) return false;
  const auto& file = files_[next_file_++];
  if (file.number > next_number_) {
    report(path_, fmt::format("{} is missing: the next is {}",
                              file_name(next_number_, is_gzipped_name(file.path)),
                              fs::path(file.path).filename().string()));
  }
  next_number_ = file.number + 1;
  reading_.emplace(Reading{LineReader(file.path)});
  return true;
}

void TastypyFolderReader::check_line_count() {
  const auto& file = files_[next_file_ - 1].path;
  const bool last = next_file_ == files_.size();
  const std::uint64_t count = reading_->count;
  if (reading_->damaged) return;  // which has been told
  if (count == 0) {
    report(file, "is empty: its lines have been lost");
  } else if (!lines_a_file_) {
    lines_a_file_ = count;
  } else if (last ? count > *lines_a_file_ : count != *lines_a_file_) {
    report(file, fmt::format("has {} lines and those before it have {} each: lines are missing",
                             count, *lines_a_file_));
  }
}

void TastypyFolderReader::report(std::string_view file, std::string problem) {
  problems_.push_back({.file = file, .problem = std::move(problem)});
}

bool is_tastypy_folder(const std::string& path) {
  const auto names = names_in(path);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    std::error_code ignored;
    return file_number(name) && fs::is_regular_file(in_folder(path, name), ignored);
  });
}

// --- writing
// --------------------------------------------------------------------------------------

namespace {

// Makes a folder beside the destination, with a name like those of AtomicFile.
std::string make_temporary_folder(const std::string& destination) {
  for (unsigned number = 0;; ++number) {
    std::string name = fmt::format("{}.{}-{}.tmp", destination, ::getpid(), number);
    if (::mkdir(name.c_str(), 0777) == 0) return name;
    if (errno != EEXIST) throw_system_error("create " + destination, errno);
  }
}

// Whether something is at the destination that commit() has to change places with.
bool has_to_replace(const std::string& destination, bool allowed) {
  struct stat status {};
  if (::stat(destination.c_str(), &status) != 0) return false;
  if (!S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument, "create " + destination + ": it is no folder");
  }
  if (names_in(destination).empty()) return false;
  if (allowed && is_tastypy_folder(destination)) return true;
  throw Error(ErrorCode::kConflict,
              "create " + destination +
                  (allowed ? ": the folder that is there holds more than files of tastypy"
                           : ": there is a folder that is not empty"));
}

}  // namespace

TastypyFolderWriter::TastypyFolderWriter(std::string destination, const Options& options)
    : destination_(std::move(destination)), options_(options) {
  if (options_.lines_a_file == 0) {
    throw Error(ErrorCode::kInvalidArgument, "create " + destination_ + ": 0 lines a file");
  }
  while (destination_.size() > 1 && destination_.ends_with('/')) destination_.pop_back();
  std::error_code unresolved;  // of what is not there yet
  const auto behind_links = fs::canonical(destination_, unresolved);
  if (!unresolved) destination_ = behind_links.string();
  replaces_ = has_to_replace(destination_, options_.replace);
  temporary_ = make_temporary_folder(destination_);
}

TastypyFolderWriter::~TastypyFolderWriter() {
  file_.reset();
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void TastypyFolderWriter::write(std::string_view line) {
  if (!file_)
    file_.emplace(in_folder(temporary_, file_name(files_++, options_.gzip)), options_.gzip);
  file_->write(line);
  if (++lines_ == options_.lines_a_file) finish_file();
}

void TastypyFolderWriter::commit() {
  if (file_) finish_file();
  sync_folder(temporary_);
  publish();
  const auto folder = fs::path(destination_).parent_path().string();
  sync_folder(folder.empty() ? "." : folder);
}

void TastypyFolderWriter::finish_file() {
  file_->commit();
  file_.reset();
  lines_ = 0;
}

void TastypyFolderWriter::publish() {
  const int result = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, destination_.c_str(),
                                 replaces_ ? RENAME_EXCHANGE : 0);
  if (result != 0) throw_system_error("create " + destination_, errno);
  if (!replaces_) temporary_.clear();  // else it names the old folder now
}

}  // namespace h5flume::persistent
