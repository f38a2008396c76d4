#include "readers/worker/worker_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "core/error.h"
#include "readers/worker/worker_path.h"
#include "readers/worker/worker_protocol_internal.h"

namespace h5flume {
namespace {

ChildProcess start(const FileOptions& options, const std::string& purpose, FileDescriptor channel) {
  // What these variables do is decided by options here: see FileOptions::allow_outside_sources.
  return ChildProcess::spawn(
      {.path = find_worker(options.worker_path),
       .arguments = {std::to_string(::getpid()), purpose},
       .unset_environment = {"HDF5_VDS_PREFIX", "HDF5_EXT_PREFIX", "HDF5_EXTFILE_PREFIX"},
       .descriptors = {channel.get()}});
}

}  // namespace

WorkerEnded::WorkerEnded(const std::string& asked, const ExitStatus& status)
    : Error(ErrorCode::kWorkerFailed,
            fmt::format("{}: the worker process ended: {}", asked, to_string(status))),
      status_(status) {}

WorkerClient::WorkerClient(const FileOptions& options, const std::string& purpose)
    : WorkerClient(options, purpose, Channel::make()) {}

WorkerClient::WorkerClient(const FileOptions& options, const std::string& purpose,
                           std::pair<Channel, FileDescriptor> ends)
    : options_(options),
      channel_(std::move(ends.first)),
      process_(start(options, purpose, std::move(ends.second))) {}

// The next reply as `parse` understands it, unless it is an error.
template <class Parse>
auto WorkerClient::receive(const Deadline& deadline, Parse parse) {
  Message message = receive_message(deadline);
  received_ = std::move(message.descriptor);
  try {
    const protocol::Json reply = protocol::decode(message.text);
    if (reply.contains("error")) throw protocol::error_in(reply["error"]);
    return parse(reply);
  } catch (const protocol::Json::exception& error) {
    throw Error(ErrorCode::kWorkerFailed,
                fmt::format("{}: the worker's answer makes no sense: {}", asked_, error.what()));
  }
}

void WorkerClient::request_open(const std::string& file, const std::string& dataset,
                                const hdf5::OpenOptions& options, Index index) {
  asked_ = fmt::format("open '{}' of {}", dataset, file);
  const protocol::OpenRequest request{file, dataset, options, options_.worker_memory_bytes,
                                      index == Index::kHandOver};
  channel_.send(protocol::encode(protocol::Json{{"open", request}}));
}

OpenedDataset WorkerClient::opened(const Deadline& deadline) {
  return receive(deadline, [](const protocol::Json& reply) {
    auto opened = reply.get<protocol::OpenReply>();
    return OpenedDataset{std::move(opened.info), opened.identity};
  });
}

std::vector<hdf5::ListedDataset> WorkerClient::list(const std::string& file,
                                                    const Deadline& deadline) {
  asked_ = "list the datasets of " + file;
  channel_.send(protocol::encode(protocol::Json{{"list", file}}));
  return receive(deadline, [](const protocol::Json& reply) {
    return reply.at("datasets").get<std::vector<hdf5::ListedDataset>>();
  });
}

void WorkerClient::fill(const std::vector<WorkerId>& workers, const BlockPlan& plan,
                        const std::optional<FilterPlan>& filter, int ring_descriptor) {
  const protocol::FillRequest request{workers, plan, filter.value_or(FilterPlan{})};
  asked_ = "fill a block ring";
  channel_.send(protocol::encode(protocol::Json{{"fill", request}}), ring_descriptor);
}

void WorkerClient::filled(const Deadline& deadline) {
  receive(deadline, [](const protocol::Json&) { return 0; });
}

void WorkerClient::select(const std::vector<ResolvedAxis>& axes, const FieldChoice& fields,
                          const WorkerMemory& memory) {
  const protocol::SelectRequest request{axes, fields, memory.number, memory.taken_back};
  asked_ = "read a selection";
  const std::string message = protocol::encode(protocol::Json{{"select", request}});
  if (message.size() > Channel::kMessageLimit) {
    throw Error(ErrorCode::kResourceLimit,
                fmt::format("the selection lists more places than the {} MiB hold that a worker "
                            "process can be told at once",
                            Channel::kMessageLimit >> 20));
  }
  channel_.send(message, memory.descriptor);
}

std::uint64_t WorkerClient::selected(const Deadline& deadline) {
  return receive(deadline, [](const protocol::Json& reply) {
    return reply.at("selected").get<std::uint64_t>();
  });
}

Message WorkerClient::receive_message(const Deadline& deadline) {
  try {
    if (auto message = channel_.receive(deadline)) return std::move(*message);
  } catch (const Error& error) {
    throw Error(error.code(), asked_ + ": " + error.what());
  }
  process_.kill();  // it closed its channel and is of no use, should it not have ended by itself
  throw WorkerEnded(asked_, process_.wait().value_or(ExitStatus{}));
}

}  // namespace h5flume
