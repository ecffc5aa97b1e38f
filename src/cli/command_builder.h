// Parts of the command line's description. Private to commands*.cpp, the files that know CLI11.
#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace weir {

// All that can be asked for, filled while CLI11 parses; one of them is the command.
struct Parsed {
  TrainOptions train;
  R1Command r1;
  GenerateOptions generate;
  ChatOptions chat;
  InspectOptions inspect;
  TokenizerTrainCommand tokenizer_train;
  TokenizerCodeCommand tokenizer_code;
  TokenizeOptions tokenize;
  CorpusCommand corpus;
  DoctorCommand doctor;
  BenchOptions bench;
  ConvertOptions convert, quantize;
  MakeRandomOptions make_random;
  LogitsOptions logits;
  PerplexityOptions perplexity;
  ImportanceOptions importance;
};

using Chosen = std::optional<Command>;

// What a value must be. The messages name the wanted form and what was given; CLI11 puts the option
// in front.
CLI::Validator whole_number(int64_t low, int64_t high);
CLI::Validator real_number(double low, double high);
CLI::Validator any_seed();
CLI::Validator one_of(std::vector<std::string> words);

template <class Options>
CLI::App* add_command(CLI::App& app, Chosen& chosen, const char* name, const char* help,
                      Options& options) {
  CLI::App* command = app.add_subcommand(name, help);
  command->callback([&] { chosen = options; });
  return command;
}

// An option that may be repeated, with one value each.
inline void add_list(CLI::App* app, const char* name, std::vector<std::string>& values,
                     const char* kind, const char* help) {
  app->add_option(name, values, help)
      ->type_size(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->option_text(kind);
}

// An option with its kind and its default in the help.
template <class Value>
CLI::Option* add_value(CLI::App* app, const char* name, Value& value, const char* kind,
                       const std::string& help) {
  return app->add_option(name, value, fmt::format("{} [{}]", help, value))->option_text(kind);
}

inline void add_count(CLI::App* app, const char* name, int& value, int low, int high,
                      const std::string& help) {
  add_value(app, name, value, "N", help)->check(whole_number(low, high));
}

inline void add_choice(CLI::App* app, const char* name, std::string& value,
                       const std::vector<std::string>& words, const std::string& help) {
  add_value(app, name, value, "WORD", help)->check(one_of(words));
}

// The one option about arithmetic, with the same default in every command that runs a model.
inline void add_exact(CLI::App* app, bool& exact) {
  app->add_flag("--exact", exact,
                "do not quantize activations, which are else int15 (slower, nearly the same)");
}

inline void add_threads(CLI::App* app, int& threads) {
  add_count(app, "--threads", threads, 0, 1024, "number of threads; 0: one per core");
}

// Errors of a line that does not parse: one sentence with the nearest word and the help to read.
bool is_command(const CLI::App& app, const std::string& word);
Error unknown_command(const CLI::App& app, const std::string& word);
Error explain(const CLI::App& app, const CLI::ParseError& error);

// commands_models.cpp: models from file to file, and what they say about a text.
void add_model_commands(CLI::App& app, Chosen& chosen, Parsed& parsed);

}  // namespace weir
