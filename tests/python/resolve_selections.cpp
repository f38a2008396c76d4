// Answers tests/python/test_selection.py: what selections take of shapes.
//
// Reads lines {"selection": text, "shape": [...], "element_shape": [...]}, and for each writes
// {"text": the selection as to_string() writes it, "shape": [...], "indices": [...],
//  "fields": [...]} with the flat index of every selected element in the order of the result, or
// {"error": message}.

#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/resolved_selection.h"
#include "core/selection.h"
#include "core/selection_text.h"

namespace {

using namespace h5flume;
using nlohmann::json;
using Numbers = std::vector<std::uint64_t>;

// Axis by axis: every index so far, followed by each place of the axis.
Numbers flat_indices(const ResolvedSelection& resolved, const Numbers& shape) {
  Numbers indices{0};
  for (std::size_t number = 0; number < shape.size(); ++number) {
    const ResolvedAxis& axis = resolved.axes[number];
    Numbers longer;
    for (const std::uint64_t index : indices) {
      for (std::uint64_t i = 0; i < axis.count(); ++i) {
        longer.push_back(index * shape[number] + axis.place(i));
      }
    }
    indices = std::move(longer);
  }
  return indices;
}

json answer(const json& question) {
  auto shape = question.at("shape").get<Numbers>();
  const auto element_shape = question.at("element_shape").get<Numbers>();
  const Selection selection = parse_selection(question.at("selection").get<std::string>());
  const ResolvedSelection resolved = resolve(selection, shape, element_shape);
  shape.insert(shape.end(), element_shape.begin(), element_shape.end());
  const Numbers indices = flat_indices(resolved, shape);
  if (indices.size() != resolved.element_count) throw std::logic_error("wrong element_count");
  return {{"text", to_string(selection)},
          {"shape", resolved.shape},
          {"indices", indices},
          {"fields", selection.field_choice().paths()}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    json written;
    try {
      written = answer(json::parse(line));
    } catch (const Error& error) {
      written = {{"error", error.what()}};
    }
    std::cout << written.dump() << "\n";
  }
}
