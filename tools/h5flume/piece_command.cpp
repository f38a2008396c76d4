#include "tools/h5flume/piece_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "readers/jobs/utf8_text.h"
#include "readers/worker/worker_path.h"
#include "tools/h5flume/npy_header.h"

namespace h5flume::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kValueBytes = std::size_t{64} << 10U;  // of a result that is no rows
constexpr std::size_t kErrorBytes = std::size_t{4} << 10U;
constexpr int kErrorLines = 20;

// --- the program
// ----------------------------------------------------------------------------------

bool is_program(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

// --- what it reads
// --------------------------------------------------------------------------------

// numpy's name of a type: `<f4`, or the list of a compound's fields.
std::string dtype_text(const ElementType& type) {
  const std::string text = numpy_descr(type);
  return text.front() == '\'' ? text.substr(1, text.size() - 2) : text;
}

// --- what it says
// ---------------------------------------------------------------------------------

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view last_lines(std::string_view text) {
  std::size_t begin = text.size();
  for (int line = 0; line < kErrorLines && begin != std::string_view::npos && begin > 0; ++line) {
    begin = text.rfind('\n', begin - 1);
  }
  return begin == std::string_view::npos || begin == 0 ? text : text.substr(begin + 1);
}

// With the last lines of its standard error, if it has written any.
[[noreturn]] void throw_failure(ErrorCode code, const std::string& what, const PipedResult& ended) {
  const auto said = last_lines(trimmed(ended.error));
  throw Error(code, said.empty() ? what : fmt::format("{}: {}", what, said));
}

// JSON as it is, other text as a string, nothing as null.
Json value_of(const PipedResult& ended) {
  std::string text(reinterpret_cast<const char*>(ended.output.data()), ended.output.size());
  if (ended.output_bytes > text.size()) {
    return utf8_text(text) + fmt::format(" [and {} bytes more]", ended.output_bytes - text.size());
  }
  text = trimmed(text);
  if (text.empty()) return nullptr;
  try {
    return parse_json(text, "the command's output");
  } catch (const Error&) {
    return utf8_text(text);
  }
}

// Rows may be larger than those that they are made of, but not without a limit.
std::uint64_t most_output_bytes(std::size_t input_bytes) {
  return (std::uint64_t{64} << 20U) + 16 * std::uint64_t{input_bytes};
}

}  // namespace

void require_program(const std::string& name) {
  const auto refuse = [&](const char* why) {
    throw Error(ErrorCode::kNotFound, fmt::format("run the command {}: {}", name, why));
  };
  if (name.find('/') != std::string::npos) {
    if (!is_program(name)) refuse("there is no such program, or it cannot be executed");
    return;
  }
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable ? variable : "/bin:/usr/bin";
  for (bool more = !name.empty(); more;) {
    const auto end = folders.find(':');
    const auto folder = folders.substr(0, end);
    if (is_program(fs::path(folder.empty() ? "." : folder) / name)) return;
    more = end != std::string_view::npos;
    if (more) folders.remove_prefix(end + 1);
  }
  refuse("there is no such program in the folders of $PATH");
}

PieceCommand::PieceCommand(PieceCommandOptions options, hdf5::DatasetInfo dataset,
                           std::uint64_t piece_count)
    : options_(std::move(options)),
      dataset_(std::move(dataset)),
      piece_count_(piece_count),
      stopped_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stopped_) throw_system_error("make an eventfd", errno);
  launcher_.path = find_launcher();
  launcher_.arguments.push_back(std::to_string(::getpid()));
  launcher_.arguments.insert(launcher_.arguments.end(), options_.command.begin(),
                             options_.command.end());
}

void PieceCommand::stop() noexcept { ::eventfd_write(stopped_.get(), 1); }

Program PieceCommand::program(const JobPiece& piece, const Array& rows) const {
  const NpyArray array = npy_array(rows.type(), rows.shape());
  Program program = launcher_;
  const auto set = [&](const char* name, const auto& value) {
    program.set_environment.push_back(fmt::format("H5FLUME_{}={}", name, value));
  };
  set("FILE", dataset_.file);
  set("DATASET", dataset_.path);
  set("FIRST_ROW", piece.first_row);
  set("ROWS", piece.row_count);
  set("TOTAL_ROWS", dataset_.row_count());
  set("SHAPE", fmt::format("{}", fmt::join(array.shape, ",")));
  set("DTYPE", dtype_text(array.type));
  set("PIECE", piece.number);
  set("PIECES", piece_count_);
  set("TRY", piece.tries);
  return program;
}

JobResult PieceCommand::run(const JobPiece& piece, const Array& rows) const {
  const std::string header =
      options_.format == PieceFormat::kNpy
          ? npy_header(npy_array(rows.type(), rows.shape()), rows.shape().at(0))
          : std::string();
  PipedOptions piped;
  piped.input = {std::as_bytes(std::span(header)), rows.bytes()};
  piped.kept_error_bytes = kErrorBytes;
  piped.timeout = options_.timeout;
  piped.stop_descriptor = stopped_.get();
  if (options_.makes_rows) {
    piped.most_output_bytes = most_output_bytes(rows.bytes().size());
  } else {
    piped.kept_output_bytes = kValueBytes;
  }
  return result_of(run_with_pipes(program(piece, rows), piped), piece);
}

JobResult PieceCommand::result_of(PipedResult ended, const JobPiece& piece) const {
  switch (ended.end) {
    case PipedResult::End::kStopped:
      throw Error(ErrorCode::kCancelled, "the job was stopped");
    case PipedResult::End::kTimeout:
      throw_failure(
          ErrorCode::kTimeout,
          fmt::format("killed after {} s", static_cast<double>(options_.timeout->count()) / 1000),
          ended);
    case PipedResult::End::kTooMuchOutput:
      throw_failure(ErrorCode::kResourceLimit,
                    fmt::format("killed after {} bytes of output", ended.output_bytes), ended);
    case PipedResult::End::kItself:
      break;
  }
  if (ended.status != ExitStatus{}) {
    throw_failure(ErrorCode::kWorkerFailed, to_string(ended.status), ended);
  }
  if (!options_.makes_rows) return value_of(ended);
  try {
    return rows_of(std::move(ended.output), piece);
  } catch (const Error& error) {
    throw_failure(error.code(), fmt::format("read its standard output: {}", error.what()), ended);
  }
}

JobRows PieceCommand::rows_of(std::vector<std::byte> output, const JobPiece& piece) const {
  if (options_.format == PieceFormat::kNpy) {
    std::size_t header_bytes = 0;
    NpyArray array = parse_npy_header(output, header_bytes);
    output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(header_bytes));
    return {std::move(array.type), std::move(array.shape), std::move(output)};
  }
  if (output.size() != piece.row_count * dataset_.row_bytes()) {
    throw Error(ErrorCode::kCorruptData,
                fmt::format("it has {} bytes, and {} rows of {} bytes were expected", output.size(),
                            piece.row_count, dataset_.row_bytes()));
  }
  return {dataset_.type, dataset_.shape_of_rows(piece.row_count), std::move(output)};
}

}  // namespace h5flume::cli
