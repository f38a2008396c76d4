#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "tools/h5flume/command.h"
#include "tools/h5flume/key_argument.h"
#include "tools/h5flume/shared_arguments.h"
#include "tools/h5flume/shared_list.h"
#include "tools/h5flume/shared_watch.h"

namespace h5flume::cli {
namespace {

[[noreturn]] void throw_no_key(const SharedArguments& arguments, const SharedKey& key) {
  throw Error(ErrorCode::kNotFound,
              fmt::format("shared dict '{}': no key {}", arguments.dict, to_json(key).dump()));
}

// --- entries
// --------------------------------------------------------------------------------------

void print_value(const Json& value) {
  // What another program has written need not be UTF-8.
  fmt::print("{}\n", value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void get(const SharedArguments& arguments, Context& context) {
  if (arguments.whole) {
    const SharedDict dict = arguments.attach_nested();
    const Json value = dict.to_json();
    if (context.json) {
      return print_json({{"dict", arguments.dict}, {"version", dict.version()}, {"value", value}});
    }
    return print_value(value);
  }
  const SharedKey key = arguments.key();
  const SharedDict dict = arguments.attach_nested();
  const auto value = dict.get(key);
  if (!value) throw_no_key(arguments, key);
  if (context.json) return print_json({{"key", to_json(key)}, {"value", *value}});
  print_value(*value);
}

// The dict outlives this program, or nobody would ever see it.
void set(const SharedArguments& arguments, Context& context) {
  const SharedKey key = arguments.key();
  const auto nested = arguments.nested_keys();
  const Json value = arguments.value();
  auto dict = SharedDict::create_or_attach(arguments.dict,
                                           {.folder = arguments.folder, .auto_unlink = false});
  for (const auto& into : nested) dict = dict.make_nested(into);
  dict.set(key, value);
  if (context.json) print_json({{"key", to_json(key)}, {"value", value}});
}

void erase(const SharedArguments& arguments, Context& context) {
  const SharedKey key = arguments.key();
  auto dict = arguments.attach_nested();
  if (!dict.erase(key)) throw_no_key(arguments, key);
  if (context.json) print_json({{"key", to_json(key)}});
}

// --- the command line
// -----------------------------------------------------------------------------

using Run = void (*)(const SharedArguments&, Context&);
using Arguments = std::shared_ptr<SharedArguments>;

CLI::App& add_command(CLI::App& parent, const std::string& name, const std::string& help, Run run,
                      const Arguments& arguments, Context& context) {
  auto& command = *parent.add_subcommand(name, help);
  command.add_option("--folder", arguments->folder, "Where the dicts are. Default: /dev/shm")
      ->type_name("DIR");
  add_json_option(command, context);
  command.callback([&context, arguments, run] {
    context.run = [&context, arguments, run] { run(*arguments, context); };
  });
  return command;
}

void add_name(CLI::App& command, const Arguments& arguments) {
  // To the library an empty name stands for one of its own choice.
  const CLI::Validator not_empty(
      [](const std::string& name) { return name.empty() ? "the name is empty" : ""; }, "");
  command.add_option("NAME", arguments->dict, "Name of the dict")
      ->type_name("")
      ->required()
      ->check(not_empty);
}

CLI::Option* add_key(CLI::App& command, const Arguments& arguments, const std::string& help) {
  auto* key = command
                  .add_option_function<std::string>(
                      "KEY",
                      [arguments](const std::string& text) {
                        arguments->key_text = text;
                        arguments->whole = false;
                      },
                      help)
                  ->type_name("");
  command.add_flag("--text-key", arguments->text_key, "Keys are text, whatever they look like");
  command
      .add_option("--in", arguments->nested_texts,
                  "In the nested dict that is the value of this key; repeated, in one within that")
      ->type_name("KEY")
      ->allow_extra_args(false);
  return key;
}

void add_entry_commands(CLI::App& parent, const Arguments& arguments, Context& context) {
  auto& getting = add_command(parent, "get", "Print a value, or the whole dict, as JSON", get,
                              arguments, context);
  add_name(getting, arguments);
  add_key(getting, arguments, std::string(kSharedKeyHelp) + ". Default: the whole dict");
  getting.footer(
      "Exit status 1 if there is no such key. Bytes are shown as {\"bytes\":\"00ff\"}.\n"
      "Examples:\n"
      "  h5flume shared get run7\n"
      "  h5flume shared get run7 learning_rate\n"
      "  h5flume shared get run7 rows --in workers --in 3");

  auto& setting = add_command(parent, "set", "Set a value, in a new dict if there is none", set,
                              arguments, context);
  add_name(setting, arguments);
  add_key(setting, arguments, kSharedKeyHelp)->required();
  setting.add_option("VALUE", arguments->value_text, "JSON; text stands in quotes")
      ->type_name("")
      ->required();
  setting.add_flag("--text", arguments->text_value, "VALUE is text, whatever it looks like");
  setting.footer(
      "Who is attached sees it with the next read. A new dict stays until `h5flume shared "
      "unlink`.\n"
      "Examples:\n"
      "  h5flume shared set run7 learning_rate 1e-3\n"
      "  h5flume shared set run7 name --text \"night run\"\n"
      "  h5flume shared set run7 rows 0 --in workers --in 3\n"
      "  h5flume shared set run7 offset -- -5");

  auto& erasing = add_command(parent, "del", "Erase a key", erase, arguments, context);
  add_name(erasing, arguments);
  add_key(erasing, arguments, kSharedKeyHelp)->required();
  erasing.footer("Example:\n  h5flume shared del run7 learning_rate");
}

void add_whole_commands(CLI::App& parent, const Arguments& arguments, Context& context) {
  auto& watching = add_command(parent, "watch", "Print each change until Ctrl-C", watch_shared,
                               arguments, context);
  add_name(watching, arguments);
  add_key(watching, arguments, std::string(kSharedKeyHelp) + ". Default: all keys");
  watching.add_option("--limit", arguments->limit, "End after so many lines")
      ->type_name("N")
      ->check(whole_number(1));
  watching.footer(
      "A key, a tab and its new value for each line, both as JSON, and nothing for the value of a "
      "key that was erased; with --json a line of JSON for each. Changes that follow each other "
      "faster than they can be printed show as one. Ends by itself when the dict is unlinked.\n"
      "Example:\n  h5flume shared watch run7");

  auto& showing = add_command(parent, "status", "Show a dict's sizes and counters and who uses it",
                              show_shared_status, arguments, context);
  add_name(showing, arguments);
  showing.footer("Example:\n  h5flume shared status run7 --json");
}

void add_folder_commands(CLI::App& parent, const Arguments& arguments, Context& context) {
  auto& listing = add_command(parent, "list", "Show the dicts there are, and what became of them",
                              list_shared, arguments, context);
  listing.footer(
      "used: somebody is attached. idle: nobody is, and it was made to stay. abandoned: its "
      "creator "
      "died before it could unlink it. unlinked: without a name, and still used. orphaned: left of "
      "one without a name. damaged: no dict of this version.\n"
      "Example:\n  h5flume shared list");

  auto& cleaning = add_command(parent, "clean", "Remove what programs that died have left",
                               clean_shared, arguments, context);
  cleaning.add_flag("--damaged", arguments->damaged_too, "Also what is damaged");
  cleaning.footer(
      "That is, what is abandoned or orphaned. Never what somebody uses, nor what is idle.\n"
      "Example:\n  h5flume shared clean");

  auto& unlinking = add_command(parent, "unlink", "Take a dict's name away: nobody else can attach",
                                unlink_shared, arguments, context);
  add_name(unlinking, arguments);
  unlinking.footer(
      "Who is attached goes on; the last to leave removes the memory.\n"
      "Example:\n  h5flume shared unlink run7");
}

}  // namespace

void add_shared(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<SharedArguments>();
  auto& command =
      *app.add_subcommand("shared", "Look into dicts that live processes share, and change them");
  command.require_subcommand(1);
  command.footer("Example:\n  h5flume shared set run7 learning_rate 1e-3");
  add_folder_commands(command, arguments, context);
  add_entry_commands(command, arguments, context);
  add_whole_commands(command, arguments, context);
}

}  // namespace h5flume::cli
