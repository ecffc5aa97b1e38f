#include "cli/command_builder.h"

#include <fmt/ranges.h>

#include <algorithm>

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

}  // namespace

CLI::Validator whole_number(int64_t low, int64_t high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        const auto number = parse_int(text);
        if (number && *number >= low && *number <= high) return std::string();
        return wanted(fmt::format("a whole number from {} to {}", low, high), text);
      },
      "", "whole number");
}

CLI::Validator real_number(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        const auto number = parse_double(text);
        if (number && *number >= low && *number <= high) return std::string();
        return wanted(fmt::format("a number from {} to {}", low, high), text);
      },
      "", "number");
}

CLI::Validator any_seed() {
  return CLI::Validator(
      [](std::string& text) {
        const bool is_seed = !text.empty() && text.size() <= 19 &&
                             text.find_first_not_of("0123456789") == std::string::npos;
        return is_seed ? "" : wanted("a whole number from 0 to 9999999999999999999", text);
      },
      "", "seed");
}

CLI::Validator one_of(std::vector<std::string> words) {
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

}  // namespace weir
