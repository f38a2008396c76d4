#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/selection_text.h"
#include "readers/random/reader.h"
#include "tools/h5flume/array_text.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/npy_writer.h"
#include "tools/h5flume/progress_bar.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Larger results are read in pieces of this size.
constexpr std::size_t kPieceBytes = 32 << 20;

struct Arguments {
  std::string file;
  std::string dataset;
  std::string selection = "[()]";
  std::vector<std::string> fields;
  std::string where;
  std::string out;
  FileOptions opening;
  bool quiet = false;
};

// A selection that cannot be read as one is wrong usage; one that does not fit the dataset is not.
Selection selection_of(const Arguments& arguments) try {
  return parse_selection(arguments.selection);
} catch (const Error& error) {
  throw CLI::ValidationError(
      "SELECTION", fmt::format("'{}' of {}: {}", arguments.dataset, arguments.file, error.what()));
}

// Calls `use` with parts of `wanted` in C order, of kPieceBytes at most if an element has
// `element_bytes`.
void in_pieces(const Request& wanted, std::uint64_t element_bytes,
               const std::function<void(const Request&)>& use) {
  const std::uint64_t most = std::max<std::uint64_t>(kPieceBytes / element_bytes, 1);
  if (wanted.size() <= most || wanted.shape().empty()) return use(wanted);
  const auto count = static_cast<std::int64_t>(wanted.shape().front());
  const auto step = static_cast<std::int64_t>(most / (wanted.size() / wanted.shape().front()));
  if (step > 0) {
    for (std::int64_t row = 0; row < count; row += step) use(wanted[rows(row, row + step)]);
  } else {
    for (std::int64_t row = 0; row < count; ++row) in_pieces(wanted[at(row)], element_bytes, use);
  }
}

// Reads all that is wanted, into `npy` if there is one. Returns its bytes.
std::uint64_t read_all(const Request& wanted, const Arguments& arguments, NpyWriter* npy,
                       const SignalWatch& signals) {
  ProgressBar progress(arguments.file + " " + arguments.dataset, wanted.bytes(),
                       ProgressBar::Unit::kBytes, arguments.quiet);
  std::vector<std::byte> buffer;
  std::uint64_t done = 0;
  in_pieces(wanted, wanted.type().size, [&](const Request& piece) {
    buffer.resize(piece.bytes());
    piece.read_into(buffer);
    if (npy != nullptr) npy->write_at(done, buffer);
    done += buffer.size();
    progress.update(done);
    signals.check();
  });
  return done;
}

// The same for elements of variable length, of which nobody knows how many bytes will come.
std::uint64_t read_all_lists(const Request& wanted, const hdf5::DatasetInfo& info,
                             const Arguments& arguments, const SignalWatch& signals) {
  ProgressBar progress(arguments.file + " " + arguments.dataset, wanted.size(),
                       ProgressBar::Unit::kElements, arguments.quiet);
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  in_pieces(wanted, std::max<std::uint64_t>(info.mean_value_bytes_at_most, sizeof(std::int64_t)),
            [&](const Request& piece) {
              const Array read = piece.read();
              elements += read.size();
              bytes += read.bytes().size();
              progress.update(elements);
              signals.check();
            });
  return bytes;
}

// As numpy.dtype() takes it. A compound is a list in Python's words.
std::string dtype_text(const ElementType& type) {
  const std::string descr = numpy_descr(type);
  return descr.front() == '\'' ? descr.substr(1, descr.size() - 2) : descr;
}

void print_as_json(const Request& wanted, const hdf5::DatasetInfo& info, const Arguments& arguments,
                   std::uint64_t bytes, double seconds) {
  nlohmann::ordered_json object{{"shape", wanted.shape()}, {"dtype", dtype_text(wanted.type())},
                                {"bytes", bytes},          {"seconds", seconds},
                                {"path", read_path(info)}, {"out", nullptr}};
  if (!arguments.out.empty()) object["out"] = arguments.out;
  print_json(object);
}

void run(const Arguments& arguments, Context& context) {
  const auto start = Clock::now();
  const Selection selection = selection_of(arguments);
  Reader reader(arguments.file, {}, arguments.opening);
  const SignalWatch::Action close_on_signal(context.signals, [&reader] { reader.close(false); });
  const Dataset dataset = reader.dataset(arguments.dataset, arguments.fields);
  const Request wanted = arguments.where.empty()
                             ? dataset[selection]
                             : dataset[dataset.where(arguments.where)][selection];
  const std::string summary =
      fmt::format("{} {}", format_shape(wanted.shape()), printable(to_string(wanted.type())));

  std::uint64_t bytes = 0;
  if (!arguments.out.empty()) {
    require_npy_type(dataset.info());
    NpyWriter npy(arguments.out, wanted.type(), wanted.shape());
    bytes = read_all(wanted, arguments, &npy, context.signals);
    std::move(npy).commit();
  } else if (context.json) {
    bytes = wanted.type().is_variable_length()
                ? read_all_lists(wanted, dataset.info(), arguments, context.signals)
                : read_all(wanted, arguments, nullptr, context.signals);
  } else {
    fmt::print("{}\n{}\n", array_text(wanted), summary);
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  if (context.json) {
    print_as_json(wanted, dataset.info(), arguments, bytes, elapsed.count());
  } else if (!arguments.out.empty() && !arguments.quiet) {
    fmt::print("wrote {}: {}\n", printable(arguments.out), summary);
  }
}

}  // namespace

void add_slice(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand(
      "slice", "Read any part of a dataset: print it, or write it to a .npy file");
  command.add_option("FILE", arguments->file, "HDF5 file")->type_name("")->required();
  command.add_option("DATASET", arguments->dataset, "Path of the dataset inside the file")
      ->type_name("")
      ->required();
  command
      .add_option("SELECTION", arguments->selection,
                  "What would stand behind the array in numpy, \"[10:20, ::2]\"; default: "
                  "everything")
      ->type_name("")
      ->allow_extra_args(false);  // or its brackets would be taken for a list of arguments
  command
      .add_option("--field", arguments->fields,
                  "Open a compound dataset with this field alone, or with several, \"outer/inner\" "
                  "for a nested one: for compounds with fields of variable length")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command
      .add_option("--where", arguments->where,
                  "Of a table: take SELECTION of the rows for which this holds, \"(pos > 3) & "
                  "(flag == 1)\"")
      ->type_name("CONDITION");
  command
      .add_option("--out", arguments->out,
                  "Write the elements to a .npy file. Default: print the first and the last")
      ->type_name("FILE.npy");
  command.add_flag("--allow-outside-sources", arguments->opening.allow_outside_sources,
                   "Follow links and sources that lead outside the file's own folder");
  add_index_options(command, arguments->opening);
  command.add_flag("--quiet", arguments->quiet, "No progress bar, and no summary with --out");
  add_json_option(command, context);
  command.footer(
      "With --json and without --out all is read and nothing shown.\n"
      "Examples:\n"
      "  h5flume slice run7.h5 /images \"[10:20, ::2, ::2]\" --out small.npy\n"
      "  h5flume slice run7.h5 /events \"['energy'][-5:]\"\n"
      "  h5flume slice run7.h5 /events \"['energy']\" --where \"(hits > 3) & (flag == 1)\"");
  command.callback(
      [&context, arguments] { context.run = [&, arguments] { run(*arguments, context); }; });
}

}  // namespace h5flume::cli
