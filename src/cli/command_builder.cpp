#include "cli/command_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/text.h"

namespace weir {
namespace {

std::string wanted(const std::string& kind, const std::string& text) {
  return fmt::format("must be {}, not '{}'", kind, printable(text));
}

// The innermost command that was found on the line.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent ? full_name(*parent) + " " + command.get_name() : "weir";
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(c->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// The first word of the line that has no meaning.
Error unexpected(const CLI::App& command, const std::vector<std::string>& rest) {
  const auto dashed =
      std::find_if(rest.begin(), rest.end(), [](const auto& w) { return w.starts_with('-'); });
  const std::string name = full_name(command);
  if (dashed == rest.end())
    return Error{
        fmt::format("'{}' is one argument too many; put quotes around a text with blanks; "
                    "see {} --help",
                    printable(rest.front()), name)};
  const std::string word = dashed->substr(0, dashed->find('='));
  const std::string near = nearest_word(word, option_names(command));
  return Error{fmt::format("'{}' is no option of {}{}; see {} --help", printable(word), name,
                           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), name)};
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return std::string(trim(text));
}

CLI::Validator is_whole_number(int64_t low, int64_t high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        const auto number = parse_int(text);
        if (number && *number >= low && *number <= high) return std::string();
        return wanted(fmt::format("a whole number from {} to {}", low, high), text);
      },
      "", "whole number");
}

CLI::Validator is_real_number(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        const auto number = parse_double(text);
        if (number && *number >= low && *number <= high) return std::string();
        return wanted(fmt::format("a number from {} to {}", low, high), text);
      },
      "", "number");
}

CLI::Validator is_seed() {
  return CLI::Validator(
      [](std::string& text) {
        const bool is_number = !text.empty() && text.size() <= 19 &&
                               text.find_first_not_of("0123456789") == std::string::npos;
        return is_number ? "" : wanted("a whole number from 0 to 9999999999999999999", text);
      },
      "", "seed");
}

CLI::Validator is_one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](std::string& text) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
        const std::string near = nearest_word(text, words);
        if (!near.empty())
          return wanted("one of its words", text) + fmt::format("; did you mean '{}'?", near);
        return wanted(fmt::format("one of {}", fmt::join(words, ", ")), text);
      },
      "", "word");
}

bool is_command(const CLI::App& app, const std::string& word) {
  const std::vector<std::string> names = command_names(app);
  return std::find(names.begin(), names.end(), word) != names.end();
}

Error unknown_command(const CLI::App& app, const std::string& word) {
  const std::string near = nearest_word(word, command_names(app));
  return Error{fmt::format("'{}' is no command{}; see {} --help", printable(word),
                           near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
                           full_name(app))};
}

Error explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const std::vector<std::string> rest = app.remaining(true);
  const bool has_commands = !command_names(command).empty();
  if (!rest.empty() && has_commands && !rest.front().starts_with('-'))
    return unknown_command(command, rest.front());
  const bool is_extra = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const bool is_missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  const bool has_dashes =
      std::any_of(rest.begin(), rest.end(), [](const auto& word) { return word.starts_with('-'); });
  if (!rest.empty() && (is_extra || (is_missing && has_dashes))) return unexpected(command, rest);
  return Error{fmt::format("{}; see {} --help", one_line(error.what()), full_name(command))};
}

// `weir help chat` is `weir chat --help`.
std::vector<std::string> words_of(int count, char** arguments) {
  std::vector<std::string> words(arguments + 1, arguments + count);
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.push_back("--help");
  }
  return words;
}

}  // namespace

OptionBuilder& OptionBuilder::required() {
  option_->required();
  return *this;
}

OptionBuilder& OptionBuilder::whole_number(int64_t low, int64_t high) {
  option_->check(is_whole_number(low, high));
  return *this;
}

OptionBuilder& OptionBuilder::real_number(double low, double high) {
  option_->check(is_real_number(low, high));
  return *this;
}

OptionBuilder& OptionBuilder::any_seed() {
  option_->check(is_seed());
  return *this;
}

OptionBuilder& OptionBuilder::one_of(std::vector<std::string> words) {
  option_->check(is_one_of(std::move(words)));
  return *this;
}

OptionBuilder& OptionBuilder::ends_with(const char* suffix, const char* reason) {
  option_->check(CLI::Validator(
      [suffix, reason](std::string& text) {
        return text.ends_with(suffix) ? "" : fmt::format("must end in {}: {}", suffix, reason);
      },
      "", suffix));
  return *this;
}

OptionBuilder& OptionBuilder::comma_separated() {
  option_->delimiter(',');
  return *this;
}

OptionBuilder& OptionBuilder::repeatable() {
  option_->type_size(1)->allow_extra_args(false)->multi_option_policy(
      CLI::MultiOptionPolicy::TakeAll);
  return *this;
}

OptionBuilder& OptionBuilder::excludes(const OptionBuilder& other) {
  option_->excludes(other.option_);
  return *this;
}

template <class Value>
OptionBuilder CommandBuilder::option(const char* name, Value& value, const char* kind,
                                     const std::string& help) {
  return OptionBuilder(command_->add_option(name, value, help)->option_text(kind));
}

template <class Value>
OptionBuilder CommandBuilder::argument(const char* name, Value& value, const std::string& help,
                                       const char* kind) {
  return option(name, value, kind, help);
}

template <class Value>
OptionBuilder CommandBuilder::value(const char* name, Value& value, const char* kind,
                                    const std::string& help) {
  return option(name, value, kind, fmt::format("{} [{}]", help, value));
}

#define WEIR_OPTION(Value)                                                                 \
  template OptionBuilder CommandBuilder::option(const char*, Value&, const char*,          \
                                                const std::string&);                       \
  template OptionBuilder CommandBuilder::argument(const char*, Value&, const std::string&, \
                                                  const char*);
#define WEIR_VALUE(Value)                                                        \
  template OptionBuilder CommandBuilder::value(const char*, Value&, const char*, \
                                               const std::string&);
WEIR_OPTION(double)
WEIR_OPTION(std::string)
WEIR_OPTION(std::optional<std::string>)
WEIR_OPTION(std::vector<int>)
WEIR_OPTION(std::vector<std::string>)
WEIR_VALUE(int)
WEIR_VALUE(int64_t)
WEIR_VALUE(uint64_t)
WEIR_VALUE(double)
WEIR_VALUE(std::string)

void CommandBuilder::flag(const char* name, bool& is_on, const char* help) {
  command_->add_flag(name, is_on, help);
}

void CommandBuilder::count(const char* name, int& value, int low, int high,
                           const std::string& help) {
  this->value(name, value, "N", help).whole_number(low, high);
}

void CommandBuilder::choice(const char* name, std::string& value,
                            const std::vector<std::string>& words, const std::string& help) {
  this->value(name, value, "WORD", help).one_of(words);
}

void CommandBuilder::note_given(std::vector<std::string>& names) {
  command_->parse_complete_callback([command = command_, &names] {
    for (const CLI::Option* option : command->get_options())
      if (option->count() > 0) names.push_back(option->get_name());
  });
}

CommandBuilder CommandGroup::add_word(const char* name, const char* help,
                                      std::unique_ptr<Command> command) {
  CLI::App* word = app_->add_subcommand(name, help);
  word->callback([&table = table_, chosen = command.get()] { table.chosen = chosen; });
  table_.commands.push_back(std::move(command));
  return CommandBuilder(word);
}

CommandGroup CommandGroup::group(const char* name, const char* help) {
  CLI::App* word = app_->add_subcommand(name, help);
  word->require_subcommand(1);
  return CommandGroup(word, table_);
}

void CommandGroup::hide(const char* name) { app_->get_subcommand(name)->group(""); }

CommandLine::CommandLine(const char* description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, "weir")) {
  app_->set_version_flag("--version", version, "print the version");
  app_->require_subcommand(1);
  app_->get_formatter()->column_width(26);
  app_->get_formatter()->label("SUBCOMMAND", "COMMAND");
  app_->get_formatter()->label("Subcommands", "Commands");
  app_->get_formatter()->label("REQUIRED", "");
}

CommandLine::~CommandLine() = default;

CommandGroup CommandLine::commands() { return CommandGroup(app_.get(), table_); }

Result<const Command*> CommandLine::parse(int count, char** arguments) {
  if (count < 2) {
    std::fputs(app_->help().c_str(), stderr);
    return Error{"no command was given; see weir --help"};
  }
  std::vector<std::string> words = words_of(count, arguments);
  if (!words[0].starts_with('-') && !is_command(*app_, words[0]))
    return unknown_command(*app_, words[0]);
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 takes a vector
    app_->parse(std::move(words));
  } catch (const CLI::Success& e) {  // help or version, which exit() prints
    app_->exit(e);
    return nullptr;
  } catch (const CLI::ParseError& e) {
    return explain(*app_, e);
  }
  return table_.chosen;
}

}  // namespace weir
