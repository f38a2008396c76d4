#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/shared/shared_dict.h"

// Users of a dict who are told what to do: this thread, other threads, other processes. What is
// written for one of them runs over all.
namespace h5flume::test {

// What one command does to a dict. A command is an array: name and arguments. The result is what
// the member gives, null for nothing; {"error": code} for an Error.
Json execute(SharedDict& dict, const Json& command);

class Actor {
 public:
  virtual ~Actor() = default;
  virtual Json run(const Json& command) = 0;
};

// Attaches to the dict in a thread or a process of its own, or in this thread.
enum class ActorKind { kSameHandle, kSameThread, kThread, kProcess };
std::unique_ptr<Actor> make_actor(ActorKind kind, const std::string& folder,
                                  const std::string& name);

// Several who take turns, one command each: each sees what the others did before.
class Crew {
 public:
  Crew(ActorKind kind, int count, const std::string& folder, const std::string& name);

  template <class... Arguments>
  Json operator()(const std::string& command, const Arguments&... arguments) {
    Json all = Json::array({command});
    (all.push_back(Json(arguments)), ...);
    return run(all);
  }
  Json run(const Json& command);

 private:
  std::vector<std::unique_ptr<Actor>> actors_;
  std::size_t next_ = 0;
};

std::string to_string(ActorKind kind);

}  // namespace h5flume::test
