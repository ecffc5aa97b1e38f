// Describes the commands of the command line: their options, the values these may have, and the
// function that runs. Only command_builder.cpp includes CLI11, which takes seconds to compile.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "cli/ending.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weir {

// An option that was added; every function narrows it and returns it. Errors name the wanted form
// and what was given.
class OptionBuilder {
 public:
  explicit OptionBuilder(CLI::Option* option) : option_(option) {}
  OptionBuilder& required();
  OptionBuilder& whole_number(int64_t low, int64_t high);
  OptionBuilder& real_number(double low, double high);
  OptionBuilder& any_seed();
  OptionBuilder& one_of(std::vector<std::string> words);
  OptionBuilder& ends_with(const char* suffix, const char* reason);
  OptionBuilder& comma_separated();
  OptionBuilder& repeatable();  // once per value
  OptionBuilder& excludes(const OptionBuilder& other);

 private:
  CLI::Option* option_;
};

// The options of one command. Values are int, int64_t, uint64_t, double, std::string,
// std::optional<std::string>, std::vector<int> and std::vector<std::string>, and must outlive it.
class CommandBuilder {
 public:
  explicit CommandBuilder(CLI::App* command) : command_(command) {}

  template <class Value>  // without a dash, found by its place
  OptionBuilder argument(const char* name, Value& value, const std::string& help,
                         const char* kind = " ");
  template <class Value>
  OptionBuilder option(const char* name, Value& value, const char* kind, const std::string& help);
  // Shows the default after the help.
  template <class Value>
  OptionBuilder value(const char* name, Value& value, const char* kind, const std::string& help);

  void flag(const char* name, bool& is_on, const char* help);
  void count(const char* name, int& value, int low, int high, const std::string& help);
  void choice(const char* name, std::string& value, const std::vector<std::string>& words,
              const std::string& help);
  // Fills `names` with the options and arguments that the line has: "--seed", "MODEL".
  void note_given(std::vector<std::string>& names);

 private:
  CLI::App* command_;
};

enum class Writes {
  output,  // the result goes to standard output, which must be open
  files,   // standard output only reports
};

class Command {
 public:
  explicit Command(Writes writes) : writes_(writes) {}
  virtual ~Command() = default;
  virtual Result<Ending> run() const = 0;
  bool needs_output() const { return writes_ == Writes::output; }

 private:
  Writes writes_;
};

// A command as plain data and a function of it.
template <class Options, class Ended>
class CommandOf : public Command {
 public:
  CommandOf(Writes writes, Ended (*function)(const Options&))
      : Command(writes), function_(function) {}
  Result<Ending> run() const override {
    if constexpr (std::is_same_v<Ended, Result<void>>) {
      TRY(function_(options));
      return Ending::done;
    } else {
      return function_(options);
    }
  }
  Options options;

 private:
  Ended (*function_)(const Options&);
};

// All commands, and the one that the parsed line chose.
struct CommandTable {
  std::vector<std::unique_ptr<Command>> commands;
  const Command* chosen = nullptr;
};

template <class Options>
struct NewCommand {
  CommandBuilder command;
  Options& options;  // filled when the line is parsed
};

// Commands that follow the same words: those of weir, or those of `weir tokenizer`.
class CommandGroup {
 public:
  CommandGroup(CLI::App* app, CommandTable& table) : app_(app), table_(table) {}

  template <class Options, class Ended>
  NewCommand<Options> add(const char* name, const char* help, Ended (*run)(const Options&),
                          Writes writes = Writes::output) {
    auto command = std::make_unique<CommandOf<Options, Ended>>(writes, run);
    Options& options = command->options;
    return {add_word(name, help, std::move(command)), options};
  }
  CommandGroup group(const char* name, const char* help);
  // Leaves a command out of the help.
  void hide(const char* name);

 private:
  CommandBuilder add_word(const char* name, const char* help, std::unique_ptr<Command> command);

  CLI::App* app_;
  CommandTable& table_;
};

class CommandLine {
 public:
  CommandLine(const char* description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CommandGroup commands();
  // The command to run, which the command line owns; nullptr when help or the version was asked for
  // and printed. Errors are one sentence with the nearest word and the help to read.
  Result<const Command*> parse(int count, char** arguments);

 private:
  std::unique_ptr<CLI::App> app_;
  CommandTable table_;
};

}  // namespace weir
