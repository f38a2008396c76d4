#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/mapped/container.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/mapped_json.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

using Json = nlohmann::ordered_json;
using mapped::Container;

struct Arguments {
  std::string file;
  std::uint64_t most = ~std::uint64_t{0};
};

std::shared_ptr<const Container> open(const std::string& file, Validation validation) {
  return Container::open(file, {.validation = validation});
}

// --- inspect
// --------------------------------------------------------------------------------------

Json to_object(const mapped::Schema& schema, const mapped::Structure& structure) {
  Json fields = Json::array();
  for (const auto& field : structure.fields) {
    fields.push_back({{"name", field.name},
                      {"type", to_text(schema, field.type)},
                      {"offset", field.offset},
                      {"may_be_unset", field.set_bit >= 0},
                      {"may_be_null", field.value_bit >= 0}});
  }
  return {{"name", structure.name}, {"bytes", structure.bytes}, {"fields", std::move(fields)}};
}

Json to_object(const Container& container) {
  const auto& schema = container.schema();
  Json structures = Json::array();
  for (const auto& structure : schema.structures)
    structures.push_back(to_object(schema, structure));
  Json sections;
  for (std::uint32_t i = 1; i < mapped::kSectionKinds; ++i) {
    const auto kind = static_cast<mapped::SectionKind>(i);
    if (!container.section(kind).empty()) {
      sections[std::string(to_string(kind))] = container.section(kind).size();
    }
  }
  return {{"file", container.name()},
          {"kind", to_string(container.kind())},
          {"ids", container.has(mapped::ContainerFlags::kIds)},
          {"version", container.version()},
          {"bytes", container.total_bytes()},
          {"values", container.counts().records},
          {"entries", container.counts().entries},
          {"keys", container.counts().keys},
          {"value_type", to_text(schema, schema.root)},
          {"structs", std::move(structures)},
          {"section_bytes", std::move(sections)}};
}

void print_for_people(const Container& container) {
  const auto& schema = container.schema();
  fmt::print("{}: {} of {}, {} values, {} keys, {}, format {}\n", printable(container.name()),
             to_string(container.kind()), printable(to_text(schema, schema.root)),
             container.counts().records, container.counts().keys,
             format_bytes(static_cast<double>(container.total_bytes())), container.version());
  for (const auto& structure : schema.structures) {
    fmt::print("\nstruct {} ({} bytes)\n", printable(structure.name), structure.bytes);
    for (const auto& field : structure.fields) {
      fmt::print("  {}: {}{}{}\n", printable(field.name), printable(to_text(schema, field.type)),
                 field.set_bit >= 0 ? ", may be unset" : "",
                 field.value_bit >= 0 ? ", may be null" : "");
    }
  }
}

void inspect(const Arguments& arguments, bool json) {
  const auto container = open(arguments.file, Validation::kHeader);
  if (json) return print_json(to_object(*container));
  print_for_people(*container);
}

// --- check
// ----------------------------------------------------------------------------------------

void check(const Arguments& arguments, bool json) {
  const auto container = open(arguments.file, Validation::kFull);
  verify_index(*container);
  std::uint64_t values = 0;
  for (; values < container->counts().records; ++values) {
    static_cast<void>(record_to_json(*container, values));
  }
  if (json) return print_json({{"file", arguments.file}, {"sound", true}, {"values", values}});
  fmt::print("{}: sound, {} values\n", printable(arguments.file), values);
}

// --- dump
// -----------------------------------------------------------------------------------------

void print_line(const Json& line) {
  fmt::print("{}\n", line.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// One line for each value of an array, or each entry of a map.
void dump(const Arguments& arguments) {
  const auto container = open(arguments.file, Validation::kHeader);
  std::uint64_t left = arguments.most;
  if (container->kind() == mapped::ContainerKind::kArray) {
    for (std::uint64_t i = 0; i < container->counts().records && left > 0; ++i, --left) {
      print_line(record_to_json(*container, i));
    }
    return;
  }
  for_each_entry(*container, [&](const Json& line) {
    if (left == 0) return false;
    print_line(line);
    return --left > 0;
  });
}

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help,
                      Arguments& arguments) {
  auto& command = *parent.add_subcommand(name, help);
  command.add_option("FILE", arguments.file, "Mapped container")->type_name("")->required();
  command.footer("Example:\n  h5flume mapped " + name + " samples.array");
  return command;
}

}  // namespace

void add_mapped(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand("mapped", "Look into mapped containers");
  command.require_subcommand(1);
  command.footer("Example:\n  h5flume mapped inspect samples.array");

  auto& inspecting =
      add_command(command, "inspect", "Show what a container holds, and its fields", *arguments);
  add_json_option(inspecting, context);
  inspecting.callback([&context, arguments] {
    context.run = [&context, arguments] { inspect(*arguments, context.json); };
  });

  auto& checking =
      add_command(command, "check", "Read all of a container, checksums included", *arguments);
  add_json_option(checking, context);
  checking.callback([&context, arguments] {
    context.run = [&context, arguments] { check(*arguments, context.json); };
  });

  auto& dumping = add_command(command, "dump", "Print all values as lines of JSON", *arguments);
  dumping.add_option("--most", arguments->most, "Stop after so many lines")->type_name("N");
  dumping.callback([&context, arguments] { context.run = [arguments] { dump(*arguments); }; });
}

}  // namespace h5flume::cli
