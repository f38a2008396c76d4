#include "readers/worker/worker_program.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/channel.h"
#include "core/memory_limit.h"
#include "core/process.h"
#include "core/shared_memory.h"
#include "core/test_point.h"
#include "readers/chunks/index_memory.h"
#include "readers/chunks/row_reader.h"
#include "readers/random/selection_reader_internal.h"
#include "readers/stream/fill_blocks.h"
#include "readers/worker/worker_client.h"
#include "readers/worker/worker_memory_internal.h"
#include "readers/worker/worker_protocol_internal.h"

namespace h5flume {
namespace {

void limit_memory(std::uint64_t bytes) {
  if (bytes == 0) return;
  const rlimit limit{bytes, bytes};
  ::setrlimit(RLIMIT_DATA, &limit);
}

// A worker can be replaced, its parent cannot: when memory is short, the kernel should take the
// worker. And a crash on a damaged file is expected, and no reason to leave a core file about.
void be_expendable() {
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

// What libhdf5, or the C library upon a crash, has to say there would stand among the program's own
// messages. Errors travel by the channel.
void be_silent() {
  if (std::getenv("H5FLUME_WORKER_STDERR")) return;
  const FileDescriptor nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ::dup2(nowhere.get(), STDOUT_FILENO);
  ::dup2(nowhere.get(), STDERR_FILENO);
}

// libhdf5 allocates and frees the memory of each chunk. The C library would give chunks of usual
// size back to the kernel every time, and have them zeroed again: a third of the time of fast
// decoders.
void keep_freed_memory() {
  constexpr int kKeptBytes = 64 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kKeptBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

class WorkerProgram {
 public:
  explicit WorkerProgram(Channel channel) : channel_(std::move(channel)) {}

  // Serves one request after the other until the channel is closed.
  void run() {
    while (auto message = channel_.receive()) {
      Reply reply;
      try {
        reply = serve(*message);
      } catch (const Error& error) {
        reply = {protocol::error_reply(error)};
      } catch (const std::bad_alloc&) {
        reply = {protocol::error_reply(
            {ErrorCode::kOutOfMemory, "open a file: the worker has no memory left"})};
      } catch (const std::exception& error) {
        reply = {protocol::error_reply({ErrorCode::kWorkerFailed, error.what()})};
      }
      if (!channel_.send(protocol::encode(reply.json), reply.descriptor.get())) return;
    }
  }

 private:
  struct Reply {
    protocol::Json json;
    FileDescriptor descriptor = {};
  };

  Reply serve(Message& message) {
    const protocol::Json request = protocol::decode(message.text);
    if (request.contains("open")) return open(request["open"].get<protocol::OpenRequest>());
    if (request.contains("list")) return list(request["list"].get<std::string>());
    if (request.contains("select")) {
      return {
          select(request["select"].get<protocol::SelectRequest>(), std::move(message.descriptor))};
    }
    if (!rows_) throw Error(ErrorCode::kInvalidArgument, "fill blocks: no dataset is open");
    return {fill(request.at("fill").get<protocol::FillRequest>(), std::move(message.descriptor))};
  }

  Reply list(const std::string& file) {
    const MemoryLimit limit(opening_memory_bytes(file));
    return {{{"datasets", hdf5::list_datasets(file)}}};
  }

  Reply open(const protocol::OpenRequest& request) {
    limit_memory(request.memory_bytes);
    open_rows(request);
    if (auto* const dataset = rows_->library_dataset()) {
      selections_.emplace(*dataset);
    }
    Reply reply{protocol::OpenReply{rows_->info(), rows_->identity()}};
    if (!request.hand_over) return reply;
    if (const auto index = rows_->index()) reply.descriptor = chunks::index_to_memory(*index);
    return reply;
  }

  void open_rows(const protocol::OpenRequest& request) {
    selections_.reset();
    limit_.reset();
    const MemoryLimit limit(opening_memory_bytes(request.file));
    test_point("worker.opening", 0);
    hdf5::OpenOptions options = request.options;
    options.map_file = true;
    rows_ = open_row_reader(request.file, request.dataset, options);
  }

  // Before libhdf5 reads rows into so much memory.
  void limit_reading(std::size_t capacity_bytes) {
    if (!rows_->library_dataset() || (limit_ && capacity_bytes <= limited_for_bytes_)) return;
    const auto bytes = reading_memory_bytes(rows_->info(), capacity_bytes);
    if (!bytes) return;
    limit_.reset();
    limit_.emplace(*bytes);
    limited_for_bytes_ = capacity_bytes;
  }

  protocol::Json fill(const protocol::FillRequest& request, FileDescriptor memory) {
    if (request.workers.empty())
      throw Error(ErrorCode::kInvalidArgument, "fill blocks: no workers");
    std::optional<RowFilter> filter;
    if (!request.filter.where.empty()) filter.emplace(request.filter, rows_->info());
    const BlockRing ring = BlockRing::attach(std::move(memory));
    limit_reading(ring.block_bytes());
    fill_blocks_on_threads(ring, request.workers, request.plan, std::move(filter), *rows_);
    return {{"stopped", true}};
  }

  protocol::Json select(const protocol::SelectRequest& request, FileDescriptor descriptor) {
    for (const std::uint64_t number : request.taken_back) memory_.erase(number);
    if (descriptor) {
      memory_.insert_or_assign(request.memory, SharedMemory::attach(std::move(descriptor), 0));
    }
    const auto memory = memory_.find(request.memory);
    if (!selections_ || memory == memory_.end()) {
      throw Error(ErrorCode::kInvalidArgument, "read a selection: no dataset, or no memory for it");
    }
    limit_reading(memory->second.bytes().size());
    const std::uint64_t bytes =
        selections_->read({.axes = request.axes}, pick_fields(rows_->info().type, request.fields),
                          memory->second.bytes(), [] { return true; });
    return {{"selected", bytes}};
  }

  Channel channel_;
  std::unique_ptr<RowReader> rows_;
  std::optional<SelectionReader> selections_;     // of rows_, where libhdf5 reads them
  std::optional<MemoryLimit> limit_;              // likewise
  std::size_t limited_for_bytes_ = 0;             // what limit_ allows to be read at once
  std::map<std::uint64_t, SharedMemory> memory_;  // to read selections into
};

}  // namespace

int worker_program(int argc, char** argv) {
  if (argc < 2 || ::fcntl(kWorkerChannelDescriptor, F_GETFD) < 0) {
    std::fputs("h5flume-worker is started by programs that use h5flume, not by hand\n", stderr);
    return 2;
  }
  die_with_parent(static_cast<pid_t>(std::strtol(argv[1], nullptr, 10)));
  be_expendable();
  be_silent();
  keep_freed_memory();
  WorkerProgram(Channel(FileDescriptor(kWorkerChannelDescriptor))).run();
  return 0;
}

}  // namespace h5flume
