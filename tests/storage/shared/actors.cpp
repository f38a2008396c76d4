#include "tests/storage/shared/actors.h"

#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "core/error.h"
#include "tests/support/child_role.h"

namespace h5flume::test {
namespace {

SharedKey key_from(const Json& json) {
  return json.is_string() ? SharedKey(json.get_ref<const std::string&>())
                          : SharedKey(json.get<std::int64_t>());
}

Json json_from(const SharedKey& key) {
  return key.is_text() ? Json(key.text()) : Json(key.number());
}

template <class T>
Json or_null(std::optional<T> value) {
  return value ? Json(std::move(*value)) : Json();
}

// "Nothing" of compare_and_swap is the absence of the argument's array.
std::optional<SharedInput> input_from(const Json& json) {
  if (json.empty()) return std::nullopt;
  return SharedInput(json[0]);
}

Json execute_on(SharedDict& dict, const Json& command) {
  const std::string name = command[0];
  const auto key = [&] { return key_from(command[1]); };
  if (name == "set") return dict.set(key(), command[2]), Json();
  if (name == "get") return or_null(dict.get<Json>(key()));
  if (name == "get_or") return dict.get<Json>(key(), command[2]);
  if (name == "at") return dict.at(key());
  if (name == "contains") return dict.contains(key());
  if (name == "size") return dict.size();
  if (name == "erase") return dict.erase(key());
  if (name == "pop") return or_null(dict.pop(key()));
  if (name == "popitem") {
    auto item = dict.popitem();
    return item ? Json::array({json_from(item->key), item->value}) : Json();
  }
  if (name == "setdefault") return dict.setdefault(key(), command[2]);
  if (name == "update") return dict.update(command[1]), Json();
  if (name == "clear") return dict.clear(), Json();
  if (name == "swap") {
    return dict.compare_and_swap(key(), input_from(command[2]), input_from(command[3]));
  }
  if (name == "increment") return dict.increment(key(), command[2]);
  if (name == "increment_real") return dict.increment_real(key(), command[2]);
  if (name == "version") return dict.version();
  if (name == "json") return dict.to_json();
  if (name == "keys") {
    Json keys = Json::array();
    for (const auto& found : dict.keys()) keys.push_back(json_from(found));
    return keys;
  }
  if (name == "items") {
    Json items = Json::array();
    for (const auto& [found, value] : dict.items()) items.push_back({json_from(found), value});
    return items;
  }
  if (name == "nested") {  // the rest is a command for the nested dict
    SharedDict nested = dict.nested(key());
    return execute(nested, command[2]);
  }
  if (name == "make_nested") return dict.make_nested(key()), Json();
  if (name == "transaction") {  // commands; "throw" ends it
    Json results = Json::array();
    dict.transaction([&] {
      for (const auto& part : command[1]) {
        if (part[0] == "throw") throw Error(ErrorCode::kCancelled, "thrown in a transaction");
        results.push_back(execute(dict, part));
      }
    });
    return results;
  }
  if (name == "dump") return dict.dump(), Json();
  if (name == "reload") return dict.reload(), Json();
  if (name == "attached") return dict.status().attached.size();
  throw std::invalid_argument("no such command: " + name);
}

class OwnHandle : public Actor {
 public:
  OwnHandle(const std::string& folder, const std::string& name)
      : dict_(SharedDict::attach(name, {.folder = folder})) {}
  Json run(const Json& command) override { return execute(dict_, command); }

 private:
  SharedDict dict_;
};

class OwnThread : public Actor {
 public:
  OwnThread(const std::string& folder, const std::string& name)
      : thread_([this, folder, name] {
          OwnHandle handle(folder, name);
          for (;;) {
            auto task = tasks_.get();
            if (!task) return;
            task->second.set_value(handle.run(task->first));
          }
        }) {}
  ~OwnThread() override {
    tasks_.put(nullptr);
    thread_.join();
  }
  Json run(const Json& command) override {
    auto task = std::make_unique<Task>(command, std::promise<Json>());
    auto result = task->second.get_future();
    tasks_.put(std::move(task));
    return result.get();
  }

 private:
  using Task = std::pair<Json, std::promise<Json>>;
  class Tasks {
   public:
    void put(std::unique_ptr<Task> task) {
      const std::lock_guard guard(mutex_);
      task_ = std::move(task);
      is_there_ = true;
      put_.notify_one();
    }
    std::unique_ptr<Task> get() {
      std::unique_lock guard(mutex_);
      put_.wait(guard, [this] { return is_there_; });
      is_there_ = false;
      return std::move(task_);
    }

   private:
    std::mutex mutex_;
    std::condition_variable put_;
    std::unique_ptr<Task> task_;
    bool is_there_ = false;
  };

  Tasks tasks_;
  std::thread thread_;
};

void write_line(std::FILE* file, const Json& json) {
  const std::string line = json.dump() + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file) != line.size() || std::fflush(file) != 0) {
    throw std::runtime_error("a pipe is closed");
  }
}

std::optional<Json> read_line(std::FILE* file) {
  char* line = nullptr;
  std::size_t size = 0;
  const auto length = ::getline(&line, &size, file);
  const std::unique_ptr<char, void (*)(void*)> owner(line, std::free);
  if (length < 0) return std::nullopt;
  return Json::parse(std::string_view(line, static_cast<std::size_t>(length)));
}

// Arguments: folder, name. Commands come through descriptor 3, results go through 4.
int play_actor(const std::vector<std::string>& arguments) {
  OwnHandle handle(arguments[0], arguments[1]);
  std::FILE* const commands = ::fdopen(3, "r");
  std::FILE* const results = ::fdopen(4, "w");
  while (const auto command = read_line(commands)) write_line(results, handle.run(*command));
  return 0;
}

const ChildRole kActor("shared-actor", play_actor);

class OwnProcess : public Actor {
 public:
  OwnProcess(const std::string& folder, const std::string& name) {
    int commands[2];
    int results[2];
    if (::pipe2(commands, O_CLOEXEC) != 0 || ::pipe2(results, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipe");
    }
    child_.emplace(start_child("shared-actor", {folder, name}, {commands[0], results[1]}));
    ::close(commands[0]);
    ::close(results[1]);
    commands_ = ::fdopen(commands[1], "w");
    results_ = ::fdopen(results[0], "r");
  }
  ~OwnProcess() override {
    std::fclose(commands_);
    std::fclose(results_);
    child_->wait();
  }
  Json run(const Json& command) override {
    write_line(commands_, command);
    auto result = read_line(results_);
    if (!result) throw std::runtime_error("an actor's process has ended");
    return *result;
  }

 private:
  std::optional<ChildProcess> child_;
  std::FILE* commands_ = nullptr;
  std::FILE* results_ = nullptr;
};

}  // namespace

Json execute(SharedDict& dict, const Json& command) {
  try {
    return execute_on(dict, command);
  } catch (const Error& error) {
    return {{"error", std::string(to_string(error.code()))}};
  }
}

std::unique_ptr<Actor> make_actor(ActorKind kind, const std::string& folder,
                                  const std::string& name) {
  const auto attached = [](std::unique_ptr<Actor> actor) {
    actor->run({"version"});  // when this is answered
    return actor;
  };
  switch (kind) {
    case ActorKind::kThread:
      return attached(std::make_unique<OwnThread>(folder, name));
    case ActorKind::kProcess:
      return attached(std::make_unique<OwnProcess>(folder, name));
    default:
      return std::make_unique<OwnHandle>(folder, name);
  }
}

Crew::Crew(ActorKind kind, int count, const std::string& folder, const std::string& name) {
  if (kind == ActorKind::kSameHandle) count = 1;
  for (int index = 0; index < count; ++index) actors_.push_back(make_actor(kind, folder, name));
}

Json Crew::run(const Json& command) {
  next_ = (next_ + 1) % actors_.size();
  return actors_[next_]->run(command);
}

std::string to_string(ActorKind kind) {
  switch (kind) {
    case ActorKind::kSameHandle:
      return "one handle";
    case ActorKind::kSameThread:
      return "handles of one thread";
    case ActorKind::kThread:
      return "threads";
    case ActorKind::kProcess:
      return "processes";
  }
  return "?";
}

}  // namespace h5flume::test
