#include "storage/persistent/exchange.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/persistent/exchange/line_file_internal.h"
#include "storage/persistent/exchange/tastypy_folder_internal.h"
#include "storage/persistent/exchange/tastypy_lines_internal.h"
#include "storage/persistent/json_lines.h"

namespace h5flume {
namespace {

using namespace persistent;

// --- export
// ---------------------------------------------------------------------------------------

// Takes entries one after the other.
class Exporter {
 public:
  Exporter(const std::string& destination, const ExportOptions& options) : options_(options) {
    if (options.format == ExchangeFormat::kTastypy) {
      sink_ = std::make_unique<TastypyFolderWriter>(
          destination,
          TastypyFolderWriter::Options{options.gzip, options.lines_a_file, options.replace});
    } else {
      sink_ =
          std::make_unique<LineWriter>(destination, options.gzip || destination.ends_with(".gz"));
    }
  }

  template <class Entry>
  void write(const Entry& entry) {
    const bool tastypy = options_.format == ExchangeFormat::kTastypy;
    sink_->write(tastypy ? to_tastypy_line(entry) : to_json_line(entry));
    ++count_;
    if (options_.on_progress) options_.on_progress(count_);
  }

  std::uint64_t finish() {
    sink_->commit();
    return count_;
  }

 private:
  const ExportOptions& options_;
  std::unique_ptr<LineSink> sink_;
  std::uint64_t count_ = 0;
};

// --- import
// ---------------------------------------------------------------------------------------

DictItem parse(std::string_view line, ExchangeFormat format, DictItem* /*wanted*/) {
  return format == ExchangeFormat::kTastypy ? dict_item_from_tastypy_line(line)
                                            : dict_item_from_json_line(line);
}

Task parse(std::string_view line, ExchangeFormat format, Task* /*wanted*/) {
  return format == ExchangeFormat::kTastypy ? task_from_tastypy_line(line)
                                            : task_from_json_line(line);
}

// Gives the entries of a source, dropping bad lines or throwing at the first, as the options say.
template <class Entry>
class EntryReader {
 public:
  EntryReader(const std::string& source, const ImportOptions& options) : options_(options) {
    std::error_code ignored;  // which opening it as a file tells
    if (std::filesystem::is_directory(source, ignored)) {
      format_ = ExchangeFormat::kTastypy;
      lines_ = std::make_unique<TastypyFolderReader>(source);
    } else {
      lines_ = std::make_unique<LineReader>(source);
    }
  }

  std::optional<Entry> next() {
    while (auto line = lines_->next()) {
      if (auto entry = parse_line(*line)) return entry;
      drop(*line);
    }
    return std::nullopt;
  }

  std::uint64_t dropped() const noexcept { return dropped_; }
  std::size_t line_bytes() const noexcept { return line_bytes_; }  // of the last entry

 private:
  std::optional<Entry> parse_line(SourceLine& line) {
    line_bytes_ = line.text.size();
    if (!line.problem.empty()) return std::nullopt;
    try {
      return parse(line.text, format_, static_cast<Entry*>(nullptr));
    } catch (const Error& error) {
      line.problem = error.what();
      return std::nullopt;
    }
  }

  void drop(const SourceLine& line) {
    ++dropped_;
    if (!options_.salvage) {
      throw Error(ErrorCode::kCorruptData,
                  line.number == 0
                      ? fmt::format("import {}: {}", line.file, line.problem)
                      : fmt::format("import {} line {}: {}", line.file, line.number, line.problem));
    }
    if (options_.on_dropped) {
      options_.on_dropped({std::string(line.file), line.number, line.problem});
    }
  }

  const ImportOptions& options_;
  ExchangeFormat format_ = ExchangeFormat::kJsonLines;
  std::unique_ptr<LineSource> lines_;
  std::uint64_t dropped_ = 0;
  std::size_t line_bytes_ = 0;
};

void tell(const ImportOptions& options, std::uint64_t done, std::uint64_t total) {
  if (options.on_progress) options.on_progress(done, total);
}

// Reads everything, so that what is wrong throws before anything is changed; returns how many
// entries there are.
template <class Entry>
std::uint64_t count_entries(const std::string& source, const ImportOptions& options) {
  EntryReader<Entry> reader(source, options);
  std::uint64_t count = 0;
  for (; reader.next(); ++count) tell(options, 0, 0);
  return count;
}

// Hands the entries of a source to `store`, many at a time.
template <class Entry, class Store>
ImportReport import_entries(const std::string& source, const ImportOptions& options,
                            const Store& store) {
  constexpr std::size_t kEntriesAtATime = 4096;
  constexpr std::size_t kBytesAtATime = std::size_t{4} << 20U;
  const std::uint64_t total = options.salvage ? 0 : count_entries<Entry>(source, options);

  EntryReader<Entry> reader(source, options);
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  ImportReport report;
  const auto flush = [&] {
    store(entries);
    report.imported += entries.size();
    entries.clear();
    bytes = 0;
  };
  while (auto entry = reader.next()) {
    entries.push_back(std::move(*entry));
    bytes += reader.line_bytes();
    if (entries.size() == kEntriesAtATime || bytes >= kBytesAtATime) flush();
    tell(options, report.imported, total);
  }
  flush();
  report.dropped = reader.dropped();
  return report;
}

// A task that is left is exhausted by its tries and by what this tracker allows, not by what
// another has allowed.
void settle_state(Task& task, std::uint64_t max_tries) {
  if (task.state == TaskState::kDone || task.state == TaskState::kAborted) return;
  const bool has_tries = max_tries == 0 || task.tries < max_tries;
  task.state = has_tries ? TaskState::kTodo : TaskState::kExhausted;
}

}  // namespace

std::uint64_t export_dict(const PersistentDict& dict, const std::string& destination,
                          const ExportOptions& options) {
  Exporter exporter(destination, options);
  for (const auto& item : dict.items()) exporter.write(item);
  return exporter.finish();
}

std::uint64_t export_tracker(const ProgressTracker& tracker, const std::string& destination,
                             const ExportOptions& options) {
  Exporter exporter(destination, options);
  tracker.for_each([&](const Task& task) {
    exporter.write(task);
    return true;
  });
  return exporter.finish();
}

ImportReport import_dict(PersistentDict& dict, const std::string& source,
                         const ImportOptions& options) {
  const auto report = import_entries<DictItem>(
      source, options, [&](std::span<const DictItem> items) { dict.update(items); });
  dict.sync();
  return report;
}

ImportReport import_tracker(ProgressTracker& tracker, const std::string& source,
                            const ImportOptions& options) {
  const std::uint64_t max_tries = tracker.max_tries();
  const auto report = import_entries<Task>(source, options, [&](std::vector<Task>& tasks) {
    for (auto& task : tasks) settle_state(task, max_tries);
    tracker.restore(tasks);
  });
  tracker.sync();
  return report;
}

}  // namespace h5flume
