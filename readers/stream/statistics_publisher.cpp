#include <errno.h>  // program_invocation_short_name
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <random>
#include <utility>

#include "readers/jobs/utf8_text.h"
#include "readers/stream/start_thread_internal.h"
#include "readers/stream/statistics_publisher_internal.h"
#include "readers/stream/stream_record_internal.h"

namespace h5flume {
namespace {

constexpr std::chrono::milliseconds kInterval{250};

// More than a thousand streams need.
constexpr std::size_t kMostBytes = std::size_t{16} << 20U;

// Never destroyed: a stream may end after everything that is static.
struct Running {
  std::mutex mutex;
  std::weak_ptr<StatisticsPublisher> publisher;
};

Running& running_one() {
  static auto* const one = new Running;
  return *one;
}

}  // namespace

std::optional<std::string> statistics_folder_of_environment() {
  const char* const wanted = std::getenv("H5FLUME_STATISTICS");
  const std::string text = wanted ? wanted : "";
  if (text == "1") return SharedDictOptions{}.folder;
  if (text.starts_with('/')) return text;
  return std::nullopt;
}

std::shared_ptr<StatisticsPublisher> StatisticsPublisher::running(const std::string& folder) {
  auto& [mutex, publisher] = running_one();
  const std::lock_guard lock(mutex);
  auto found = publisher.lock();
  // A child by fork() has a copy, and not the thread.
  if (!found || found->was_forked() || found->folder_ != folder) {
    found = std::make_shared<StatisticsPublisher>(folder);
    publisher = found;
  }
  return found;
}

StatisticsPublisher::StatisticsPublisher(std::string folder)
    : folder_(std::move(folder)), thread_(start_thread([this] { run(); })) {}

StatisticsPublisher::~StatisticsPublisher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::int64_t StatisticsPublisher::add(Look look) {
  const std::lock_guard lock(mutex_);
  streams_.emplace(++last_stream_, std::move(look));
  has_changed_ = true;
  changed_.notify_one();
  return last_stream_;
}

void StatisticsPublisher::remove(std::int64_t stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream);
  has_changed_ = true;
  changed_.notify_one();
}

void StatisticsPublisher::run() noexcept {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    has_changed_ = false;
    try {
      const Figures figures = look_at_all();
      lock.unlock();
      publish(figures);
    } catch (const std::bad_alloc&) {
      // The next time may be better.
    }
    if (!lock.owns_lock()) lock.lock();
    changed_.wait_for(lock, kInterval, [this] { return ending_ || has_changed_; });
  }
  lock.unlock();
  dict_.reset();  // by the thread that used it; unlinks it
}

// Under the mutex: none of the streams may end meanwhile.
StatisticsPublisher::Figures StatisticsPublisher::look_at_all() const {
  Figures figures;
  for (const auto& [stream, look] : streams_) figures.emplace(stream, look());
  return figures;
}

void StatisticsPublisher::publish(const Figures& figures) noexcept {
  try {
    if (!dict_) open();
    dict_->transaction([&] {
      dict_->set("updated", to_unix_seconds(std::chrono::system_clock::now()));
      SharedDict streams = dict_->make_nested("streams");
      for (const std::int64_t stream : written_) {
        if (!figures.contains(stream)) streams.erase(stream);
      }
      for (const auto& [stream, figure] : figures) {
        SharedDict entry = streams.make_nested(stream);
        write_stream(entry, figure);
      }
    });
    written_.clear();
    for (const auto& [stream, figure] : figures) written_.insert(stream);
  } catch (const std::exception&) {
    // The next time may be better, with a new dict: whoever holds the lock of this one keeps it.
    dict_.reset();
    written_.clear();
  }
}

void StatisticsPublisher::open() {
  const std::string name =
      fmt::format("{}{}.{:08x}", kStatisticsPrefix, ::getpid(), std::random_device{}());
  dict_ = SharedDict::create(name, {.folder = folder_,
                                    .most_bytes = kMostBytes,
                                    .buffer_bytes = std::size_t{64} << 10U,
                                    .lock_timeout = kInterval});
  dict_->transaction([this] {
    dict_->set("format", kStatisticsFormat);
    dict_->set("pid", std::int64_t{::getpid()});
    dict_->set("program", utf8_text(program_invocation_short_name));
    dict_->set("updated", to_unix_seconds(std::chrono::system_clock::now()));
    dict_->make_nested("streams");
  });
}

StreamPublication::StreamPublication(const std::string& folder, StatisticsPublisher::Look look)
    : publisher_(StatisticsPublisher::running(folder)), stream_(publisher_->add(std::move(look))) {}

StreamPublication::~StreamPublication() {
  if (publisher_->was_forked()) {
    // Its mutex may be taken for ever here, and its thread cannot be waited for.
    static_cast<void>(new std::shared_ptr(std::move(publisher_)));
    return;
  }
  publisher_->remove(stream_);
}

}  // namespace h5flume
