#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "storage/persistent/json_lines.h"
#include "storage/persistent/persistent_dict.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/exchange_command.h"
#include "tools/h5flume/key_argument.h"
#include "tools/h5flume/text.h"

namespace h5flume::cli {
namespace {

struct Arguments {
  std::string dict;
  std::string key_text;
  std::string value_text;
  std::optional<std::string> path;  // within the value
  bool text_key = false;
  bool text_value = false;
  bool keys_only = false;
  std::uint64_t limit = ~std::uint64_t{0};
  ExchangeArguments exchange;

  Key key() const { return key_argument(key_text, text_key); }
  Json value() const {
    if (text_value) return value_text;
    try {
      return parse_json(value_text, "VALUE");
    } catch (const Error& error) {
      throw CLI::ValidationError(fmt::format("{} (for text: --text)", error.what()));
    }
  }
};

PersistentDict open_to_read(const Arguments& arguments) {
  return PersistentDict(arguments.dict, {.create = false, .read_only = true});
}

PersistentDict open_to_write(const Arguments& arguments, bool create) {
  return PersistentDict(arguments.dict, {.create = create, .durability = Durability::kPower});
}

void get(const Arguments& arguments, Context& context) {
  const auto dict = open_to_read(arguments);
  const Key key = arguments.key();
  const Json value = arguments.path ? dict.at(key, *arguments.path) : dict.at(key);
  if (context.json) return print_json({{"key", key.json()}, {"value", value}});
  fmt::print("{}\n", value.dump());
}

void set(const Arguments& arguments, Context& context) {
  const Key key = arguments.key();
  const Json value = arguments.value();
  auto dict = open_to_write(arguments, true);
  if (arguments.path) {
    dict.set(key, *arguments.path, value);
  } else {
    dict.set(key, value);
  }
  if (context.json) print_json({{"key", key.json()}, {"value", value}});
}

void erase(const Arguments& arguments, Context& context) {
  const Key key = arguments.key();
  auto dict = open_to_write(arguments, false);
  if (arguments.path) {
    dict.erase(key, *arguments.path);
  } else if (!dict.erase(key)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("dict {}: no key {}", arguments.dict, key.json_text()));
  }
  if (context.json) print_json({{"key", key.json()}});
}

void list(const Arguments& arguments, Context& context) {
  const auto dict = open_to_read(arguments);
  std::uint64_t left = arguments.limit;
  for (const auto& item : dict.items()) {
    if (left-- == 0) return;
    if (arguments.keys_only) {
      fmt::print("{}\n", item.key.json_text());
    } else if (context.json) {
      fmt::print("{}\n", to_json_line(item));
    } else {
      fmt::print("{}\t{}\n", item.key.json_text(), item.value.dump());
    }
  }
}

void check(const Arguments& arguments, Context& context) {
  const auto dict = open_to_read(arguments);
  const auto problems = dict.check();
  context.failed = !problems.empty();
  if (context.json) {
    return print_json({{"dict", arguments.dict},
                       {"sound", problems.empty()},
                       {"entries", dict.size()},
                       {"problems", problems}});
  }
  for (const auto& problem : problems) {
    fmt::print(stderr, "h5flume: dict {}: {}\n", printable(arguments.dict), printable(problem));
  }
  if (problems.empty()) {
    fmt::print("{}: sound, {} entries\n", printable(arguments.dict), dict.size());
  }
}

void run_export_of(const Arguments& arguments, Context& context) {
  const auto dict = open_to_read(arguments);
  run_export(arguments.exchange, dict.size(), context, [&](const ExportOptions& options) {
    return export_dict(dict, arguments.exchange.file, options);
  });
}

void run_import_into(const Arguments& arguments, Context& context) {
  require_source(arguments.exchange);
  auto dict = PersistentDict(arguments.dict);
  run_import(arguments.exchange, context, [&](const ImportOptions& options) {
    return import_dict(dict, arguments.exchange.file, options);
  });
}

// --- the command line
// -----------------------------------------------------------------------------

using Run = void (*)(const Arguments&, Context&);

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help, Run run,
                      const std::shared_ptr<Arguments>& arguments, Context& context) {
  auto& command = *parent.add_subcommand(name, help);
  command.add_option("PATH", arguments->dict, "Folder of the dict")->type_name("")->required();
  add_json_option(command, context);
  command.callback([&context, arguments, run] {
    context.run = [&context, arguments, run] { run(*arguments, context); };
  });
  return command;
}

void add_key(CLI::App& command, Arguments& arguments) {
  command.add_option("KEY", arguments.key_text, kKeyHelp)->type_name("")->required();
  command.add_flag("--text-key", arguments.text_key, "KEY is text, whatever it looks like");
}

void add_path(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--path", arguments.path,
                  "Only that part of the value: a JSON pointer, as in /layers/0/bias")
      ->type_name("POINTER");
}

void add_entry_commands(CLI::App& parent, const std::shared_ptr<Arguments>& arguments,
                        Context& context) {
  auto& getting = add_command(parent, "get", "Print a value as JSON", get, arguments, context);
  add_key(getting, *arguments);
  add_path(getting, *arguments);
  getting.footer(
      "Exit status 1 if there is no such key.\n"
      "Examples:\n"
      "  h5flume dict get settings.dict learning_rate\n"
      "  h5flume dict get settings.dict '[\"/images\",4096]' --path /mean");

  auto& setting = add_command(parent, "set", "Set a value, in a new dict if there is none", set,
                              arguments, context);
  add_key(setting, *arguments);
  setting.add_option("VALUE", arguments->value_text, "JSON; text stands in quotes")
      ->type_name("")
      ->required();
  setting.add_flag("--text", arguments->text_value, "VALUE is text, whatever it looks like");
  add_path(setting, *arguments);
  setting.footer(
      "Is on the disk when it returns.\n"
      "Examples:\n"
      "  h5flume dict set settings.dict learning_rate 1e-3\n"
      "  h5flume dict set settings.dict name --text \"night run\"\n"
      "  h5flume dict set settings.dict net 0.5 --path /layers/0/bias\n"
      "  h5flume dict set settings.dict offset -- -5");

  auto& erasing = add_command(parent, "del", "Erase a key", erase, arguments, context);
  add_key(erasing, *arguments);
  add_path(erasing, *arguments);
  erasing.footer("Example:\n  h5flume dict del settings.dict learning_rate");
}

void add_whole_commands(CLI::App& parent, const std::shared_ptr<Arguments>& arguments,
                        Context& context) {
  auto& listing = add_command(parent, "list",
                              "Print keys and values, in the order of their keys' "
                              "first setting",
                              list, arguments, context);
  listing.add_flag("--keys", arguments->keys_only, "Only the keys, as JSON");
  listing.add_option("--limit", arguments->limit, "Stop after so many")
      ->type_name("N")
      ->check(whole_number(0));
  listing.footer(
      "A key, a tab and a value for each line, both as JSON; with --json a line of JSON for each, "
      "as export writes them.\n"
      "Example:\n  h5flume dict list settings.dict --limit 10");

  auto& exporting = add_command(parent, "export",
                                "Write all entries to a file of JSON lines or a "
                                "folder of tastypy",
                                run_export_of, arguments, context);
  add_export_arguments(exporting, arguments->exchange, "dict");
  exporting.footer(
      "Examples:\n"
      "  h5flume dict export settings.dict settings.jsonl.gz\n"
      "  h5flume dict export settings.dict settings.pod --format tastypy");

  auto& importing = add_command(parent, "import",
                                "Set what a file of JSON lines or a folder of "
                                "tastypy holds",
                                run_import_into, arguments, context);
  add_import_arguments(importing, arguments->exchange);
  importing.footer(
      "Other keys of the dict stay.\n"
      "Examples:\n"
      "  h5flume dict import settings.dict settings.jsonl.gz\n"
      "  h5flume dict import settings.dict old.pod --salvage");

  auto& checking = add_command(parent, "check", "Look through everything that is kept for damage",
                               check, arguments, context);
  checking.footer("Exit status 1 if there is any.\nExample:\n  h5flume dict check settings.dict");
}

}  // namespace

void add_dict(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  auto& command = *app.add_subcommand("dict", "Look into persistent dicts and change them");
  command.require_subcommand(1);
  command.footer("Example:\n  h5flume dict set settings.dict epoch 3");
  add_entry_commands(command, arguments, context);
  add_whole_commands(command, arguments, context);
}

}  // namespace h5flume::cli
