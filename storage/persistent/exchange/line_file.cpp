#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <utility>

#include "core/error.h"
#include "storage/persistent/exchange/line_file_internal.h"

namespace h5flume::persistent {
namespace {

// Of gzip at most a thousand times as much comes out.
constexpr std::size_t kPieceBytes = 32768;

constexpr auto kCutShort = "its gzip is cut short here";

FileDescriptor open_regular_file(const std::string& path) {
  // Non-blocking: a pipe that nobody writes to would hold the call up before it can be refused.
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw_system_error("open " + path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument, "open " + path + ": it is no regular file");
  }
  return file;
}

}  // namespace

LineReader::LineReader(std::string path, std::size_t longest_line)
    : path_(std::move(path)), file_(open_regular_file(path_)), longest_line_(longest_line) {}

std::optional<SourceLine> LineReader::next() {
  ++number_;
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t end = text_.find('\n', searched);
    if (end != std::string::npos) return take_line(end);
    too_long_ |= text_.size() - begin_ > longest_line_;
    text_.erase(0, too_long_ ? text_.size() : begin_);
    begin_ = 0;
    searched = text_.size();
    if (!read_more()) return take_rest();
  }
}

// The line that ends at `end`.
SourceLine LineReader::take_line(std::size_t end) {
  SourceLine line{path_, number_, std::string_view(text_).substr(begin_, end - begin_), {}};
  begin_ = end + 1;
  if (std::exchange(too_long_, false) || line.text.size() > longest_line_) {
    line.text = {};
    line.problem = fmt::format("it has more than {} bytes", longest_line_);
  }
  return line;
}

// What stands behind the last newline, and why it cannot be relied on.
std::optional<SourceLine> LineReader::take_rest() {
  const bool partial = !text_.empty() || std::exchange(too_long_, false);
  text_.clear();
  if (!damage_.empty()) return SourceLine{path_, number_, {}, std::exchange(damage_, {})};
  if (!partial) return std::nullopt;
  return SourceLine{path_, number_, {}, "the file ends within it, before a newline"};
}

// Decodes some more text; false where there is no more.
bool LineReader::read_more() {
  if (!file_) return false;
  input_.resize(kPieceBytes);
  ssize_t size;
  do {
    size = ::read(file_.get(), input_.data(), input_.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) throw_system_error("read " + path_, errno);
  input_.resize(static_cast<std::size_t>(size));
  if (std::exchange(first_read_, false)) {
    if (is_gzip(input_)) gzip_.emplace();
    if (input_.empty() && path_.ends_with(".gz")) damage_ = kCutShort;
  }
  if (gzip_) {
    decode();
  } else {
    text_ += input_;
  }
  if (size == 0 || !damage_.empty()) file_.reset();
  return true;
}

// What comes out before the damage is handed out before it is told.
void LineReader::decode() {
  try {
    gzip_->decode(input_, text_);
    if (input_.empty() && !gzip_->complete()) damage_ = kCutShort;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorruptData) throw;
    damage_ = error.what();
  }
}

LineWriter::LineWriter(const std::string& destination, bool gzip) : file_(destination) {
  if (gzip) gzip_.emplace();
}

void LineWriter::write(std::string_view line) {
  text_.append(line).append(1, '\n');
  if (text_.size() >= kPieceBytes) flush(false);
}

void LineWriter::commit() {
  flush(true);
  std::move(file_).commit();
}

void LineWriter::flush(bool last) {
  if (gzip_) {
    std::string encoded;
    gzip_->encode(text_, encoded, last);
    text_ = std::move(encoded);
  }
  file_.write_at(written_bytes_, std::as_bytes(std::span(text_)));
  written_bytes_ += text_.size();
  text_.clear();
}

}  // namespace h5flume::persistent
