// Answers tests/python/test_slices.py: what selections take of the datasets of one file.
//
//   slice_many FILE [CACHE_BYTES]
//
// Reads lines {"dataset": path, "selection": text, "way": "read" | "request"}, and for each writes
// a line {"shape": [...], "descr": numpy's description of the elements, "lists": false, "bytes":
// count} with so many bytes behind it, or a line {"error": message, "code": code, "bytes": 0}. With
// "lists": true the elements are of variable length, and "descr" describes their values.
//
// "request": through a stage, while others are under way.

#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "core/selection_text.h"
#include "readers/random/reader.h"

namespace {

using namespace h5flume;
using nlohmann::json;

constexpr std::size_t kUnderWay = 16;
constexpr std::size_t kStageOfLists = 4 << 20;

// What was asked, until it is written.
struct Answer {
  std::optional<Future> future;
  Array elements;
  std::optional<Error> error;
};

bool is_of_lists(const ElementType& type) { return type.is_variable_length(); }

// Of what follows the offsets; of strings their bytes.
ElementType value_type(const ElementType& type) {
  if (type.kind == ElementKind::kList) return type.base.front();
  return type.kind == ElementKind::kText ? ElementType{.kind = ElementKind::kString, .size = 1}
                                         : type;
}

Answer answer_to(const Reader& reader, const json& question) try {
  const Dataset dataset = reader.dataset(question.at("dataset").get<std::string>());
  const Request wanted = dataset[parse_selection(question.at("selection").get<std::string>())];
  Answer answer;
  if (question.at("way") == "request") {
    answer.future =
        reader.request(wanted, is_of_lists(wanted.type()) ? dataset.stage_of_bytes(kStageOfLists)
                                                          : dataset.stage(wanted));
  } else {
    answer.elements = wanted.read();
  }
  return answer;
} catch (const Error& error) {
  return {{}, {}, error};
}

void finish(Answer& answer) try {
  if (answer.future) answer.elements = answer.future->get();
} catch (const Error& error) {
  answer.error = error;
}

void write(Answer answer) {
  finish(answer);
  if (answer.error) {
    std::cout << json{{"error", answer.error->what()},
                      {"code", to_string(answer.error->code())},
                      {"bytes", 0}}
              << '\n';
    return;
  }
  const auto bytes = answer.elements.bytes();
  std::cout << json{{"shape", answer.elements.shape()},
                    {"descr", numpy_descr(value_type(answer.elements.type()))},
                    {"lists", is_of_lists(answer.elements.type())},
                    {"bytes", bytes.size()}}
            << '\n';
  std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  ReaderOptions options{.threads = 2};
  if (argc > 2) options.chunk_cache_bytes = std::stoull(argv[2]);
  const Reader reader(argv[1], options);
  std::deque<Answer> answers;
  for (std::string line; std::getline(std::cin, line);) {
    answers.push_back(answer_to(reader, json::parse(line)));
    if (answers.size() > kUnderWay) {
      write(std::move(answers.front()));
      answers.pop_front();
    }
  }
  for (Answer& answer : answers) write(std::move(answer));
}
