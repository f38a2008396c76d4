#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/persistent/exchange.h"
#include "tools/h5flume/command.h"

namespace h5flume::cli {

/// What `export` and `import` are told, of dicts and of trackers.
struct ExchangeArguments {
  std::string file;  ///< outside: the destination or the source
  std::string format;
  std::size_t lines_a_file = 1000;
  bool gzip = false;
  bool force = false;
  bool salvage = false;
};

/// Adds the destination and the options of an export. `kind` is "dict" or "tracker".
void add_export_arguments(CLI::App& command, ExchangeArguments& arguments, const std::string& kind);

/// Adds the source and the options of an import.
void add_import_arguments(CLI::App& command, ExchangeArguments& arguments);

/// Runs an export of `total` entries with a progress bar, and says how many they were. Ends in good
/// order on a signal.
void run_export(const ExchangeArguments& arguments, std::uint64_t total, Context& context,
                const std::function<std::uint64_t(const ExportOptions&)>& run);

/// Throws kNotFound unless the source is there. Asked before a store is opened, which makes one.
void require_source(const ExchangeArguments& arguments);

/// Runs an import in the same way, and tells each line that is dropped on standard error.
void run_import(const ExchangeArguments& arguments, Context& context,
                const std::function<ImportReport(const ImportOptions&)>& run);

}  // namespace h5flume::cli
