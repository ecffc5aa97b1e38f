#include "cli/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/command_builder.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

void add_sampling(CLI::App* app, SamplingOptions& s) {
  add_value(app, "--temperature", s.temperature, "X",
            "0: the most probable token; 1: the model's own variety");
  add_value(app, "--top-k", s.top_k, "K", "keep the K most probable tokens; 0: all");
  add_value(app, "--top-p", s.top_p, "P", "keep the most probable that reach P together; 1: all");
  add_value(app, "--min-p", s.min_p, "P", "keep what is P times as probable as the best; 0: all");
  add_value(app, "--seed", s.seed, "N", "the same seed gives the same text")
      ->check(CLI::Validator(
          [](std::string& text) {
            bool digits = !text.empty() && text.size() <= 19 &&
                          text.find_first_not_of("0123456789") == std::string::npos;
            return digits ? "" : "must be a number from 0 to 9999999999999999999, not " + text;
          },
          "", "seed"));
}

void add_cache(CLI::App* app, std::string& cache, double& limit) {
  add_choice(app, "--cache", cache, {"auto", "expanded", "latent"},
             "expanded has the bits of training; latent, for MLA models, is smaller; auto: latent "
             "unless weights are f32");
  app->add_option("--cache-limit", limit, "of the cache; else 4/5 of the available memory")
      ->check(CLI::Range(0.0, 1e6) & CLI::Validator(
                                         [](std::string& text) {
                                           auto number = parse_double(text);
                                           return number ? "" : number.error().message;
                                         },
                                         "", "number"))
      ->option_text("GIB");
}

constexpr const char* kFolderHelp =
    "a .gguf file, or a folder: config.json, safetensors, tokenizer.json";

void add_exact(CLI::App* app, bool& exact) {
  app->add_flag("--exact", exact,
                "quantized weights meet activations as they are: slower; else rounded to 8 bits");
}
constexpr const char* kPathsHelp = "text, Markdown, HTML, JSONL (gzip too), folders, patterns";

void add_train(CLI::App& app, Chosen& chosen, TrainOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "train", "train a model as a recipe says, or go on with it", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/recipes.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE",
           "over the recipe, as in --set optimizer.lr=1e-3; repeatable");
  add_threads(c, o.threads);
}

void add_r1(CLI::App& app, Chosen& chosen, R1Command& o) {
  CLI::App* c = add_command(app, chosen, "r1",
                            "take a model through DeepSeek-R1's stages, or go on with it", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/r1.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE",
           "over the recipe, as in --set stages.cold-start.rate.lr=1e-3; repeatable");
  c->add_option("--minutes", o.minutes, "the time that the stages share; else the recipe's")
      ->check(CLI::Range(0.01, 100000.0))
      ->option_text("X");
  c->add_option("--stage", o.stage, "only this stage")->option_text("NAME");
  add_threads(c, o.threads);
}

void add_generate(CLI::App& app, Chosen& chosen, GenerateOptions& o) {
  CLI::App* c = add_command(app, chosen, "generate", "continue a text", o);
  c->add_option("FOLDER", o.folder, kFolderHelp)->required()->option_text(" ");
  CLI::Option* prompt =
      c->add_option("--prompt", o.prompt, "the text to continue")->option_text("TEXT");
  c->add_option("--prompt-file", o.prompt_file, "the same from a file; - is standard input")
      ->option_text("FILE")
      ->excludes(prompt);
  add_count(c, "--tokens", o.tokens, 1, 1 << 24, "new tokens at most");
  add_sampling(c, o.sampling);
  add_list(c, "--stop", o.stops, "TEXT", "end before it; \\n and \\t are understood; repeatable");
  add_count(c, "--samples", o.samples, 1, 4096, "continuations, computed together");
  c->add_flag("--ignore-end", o.ignore_end, "go on after the end-of-text token");
  c->add_flag("--special", o.allow_special, "control tokens written in the prompt count as such");
  add_exact(c, o.exact);
  add_cache(c, o.cache, o.cache_limit_gib);
  add_threads(c, o.threads);
  c->add_flag("--json", o.json, "one JSON object instead of text");
}

void add_chat(CLI::App& app, Chosen& chosen, ChatOptions& o) {
  CLI::App* c = add_command(app, chosen, "chat", "talk to a model, or to the stages of a run", o);
  c->add_option("FOLDER", o.folder, std::string(kFolderHelp) + "; or a run of weir r1")
      ->required()
      ->option_text(" ");
  c->add_option("--stage", o.stage, "of the run; else the last that is finished")
      ->option_text("NAME");
  add_choice(
      c, "--history", o.history, {"auto", "all", "none"},
      "whether the model hears what was said before; auto: if it learned from several turns");
  add_choice(
      c, "--form", o.form, {"auto", "template", "conversation", "plain"},
      "template: of the model's files; conversation: DeepSeek's control tokens, as weir tunes");
  add_choice(c, "--thinking", o.thinking, {"auto", "on", "off"}, "for templates with a switch");
  c->add_flag("--no-thinking", o.no_thinking, "show answers only");
  add_count(c, "--tokens", o.tokens, 1, 1 << 24, "of one answer at most, thinking included");
  add_sampling(c, o.sampling);
  add_exact(c, o.exact);
  add_cache(c, o.cache, o.cache_limit_gib);
  add_threads(c, o.threads);
}

void add_inspect(CLI::App& app, Chosen& chosen, InspectOptions& o) {
  CLI::App* c = add_command(app, chosen, "inspect", "what a model is and the memory it takes", o);
  c->add_option("MODEL", o.target,
                "a name (deepseek-v3, demo ...), config.json, folder, .gguf, .safetensors")
      ->required()
      ->option_text(" ");
  c->add_option("--type", o.type, "plan a GGUF file of this type, as weir quantize would write")
      ->option_text("WORD");
  add_value(c, "--context", o.context, "N", "tokens in the cache; 0: 4096, or all of fewer")
      ->check(CLI::Range(int64_t(0), int64_t(1) << 40));
  add_value(c, "--tokens", o.tokens, "N", "rows of one training micro-batch")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  c->add_flag("--config", o.config, "only the configuration, as config.json");
  c->add_flag("--tensors", o.tensors, "every tensor of the folder's files");
  c->add_flag("--json", o.json, "one JSON object instead of text");
}

void add_corpus_options(CLI::App* c, std::vector<std::string>& paths, std::string& field,
                        bool& skip_bad_lines, int& threads) {
  c->add_option("PATHS", paths, kPathsHelp)->required()->option_text("...");
  add_value(c, "--field", field, "KEY", "of the text in JSONL");
  c->add_flag("--skip-bad-lines", skip_bad_lines, "leave out JSONL lines that cannot be read");
  add_threads(c, threads);
}

void add_tokenizer(CLI::App& app, Chosen& chosen, Parsed& parsed) {
  CLI::App* group =
      app.add_subcommand("tokenizer", "learn a tokenizer; text to token ids and back");
  group->require_subcommand(1);
  TokenizerTrainCommand& t = parsed.tokenizer_train;
  CLI::App* c = add_command(*group, chosen, "train", "learn a tokenizer from text", t);
  c->add_option("--out", t.out, "a folder to write, or a .json file for tokenizer.json alone")
      ->required()
      ->option_text("PATH");
  add_count(c, "--vocab", t.vocab_size, 1, 2'000'000, "tokens");
  add_choice(c, "--kind", t.kind, {"bpe", "char"}, "char: one token per character");
  add_value(c, "--pattern", t.pattern, "NAME", "cuts text before merging: gpt-2, qwen2, none ...");
  c->add_flag("--digits", t.isolate_digits, "every digit is a token of its own");
  add_value(c, "--end", t.end, "TEXT", "the end-of-text token; empty: none");
  add_corpus_options(c, t.paths, t.field, t.skip_bad_lines, t.threads);

  TokenizerCodeCommand& k = parsed.tokenizer_code;
  using Kind = TokenizerCodeCommand::Kind;
  for (Kind kind : {Kind::encode, Kind::decode}) {
    const bool encodes = kind == Kind::encode;
    CLI::App* code = group->add_subcommand(encodes ? "encode" : "decode",
                                           encodes ? "text to token ids" : "token ids to text");
    code->callback([&chosen, &k, kind] {
      k.kind = kind;
      chosen = k;
    });
    code->add_option("TOKENIZER", k.tokenizer, "a folder or a tokenizer.json")
        ->required()
        ->option_text(" ");
    code->add_option(encodes ? "TEXT" : "IDS", k.words, "else standard input is read")
        ->option_text("...");
    code->add_flag("--special", k.allow_special,
                   encodes ? "control tokens in the text count as such" : "show control tokens");
    if (encodes) code->add_flag("--bos", k.framed, "with the beginning token, if there is one");
  }
}

void add_corpus(CLI::App& app, Chosen& chosen, CorpusCommand& o) {
  CLI::App* c = add_command(app, chosen, "corpus", "what training would read, as text", o);
  c->add_option("--out", o.out, "write the documents as JSONL")->option_text("FILE");
  c->add_flag("--stats", o.stats, "sizes and the longest documents");
  add_corpus_options(c, o.paths, o.field, o.skip_bad_lines, o.threads);
}

void add_doctor(CLI::App& app, Chosen& chosen, DoctorCommand& o) {
  CLI::App* c =
      add_command(app, chosen, "doctor", "examine the data and rewards of an R1 recipe", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/doctor.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE", "over the recipe; repeatable");
  add_count(c, "--problems", o.problems, 1, 1'000'000, "examined of each source");
  add_count(c, "--rows", o.rows, 0, 100, "shown token by token of each source");
  c->add_flag("--plain", o.plain, "without colours, with marks instead");
  add_threads(c, o.threads);
}

void add_bench(CLI::App& app, Chosen& chosen, BenchOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "bench", "measure the speed of generation, or of training", o);
  c->add_option(
       "MODEL", o.model,
       fmt::format("a folder or .gguf; a name or config.json (random weights) [{}]", o.model))
      ->option_text(" ");
  add_count(c, "--prompt", o.prompt, 1, 1 << 24, "tokens of a prompt");
  add_count(c, "--tokens", o.tokens, 2, 1 << 24, "tokens generated per sequence");
  add_count(c, "--samples", o.samples, 1, 4096, "sequences that share a prompt");
  c->add_option("--sequences", o.sequences, "computed together [1,8,32]")
      ->option_text("N,N")
      ->delimiter(',')
      ->check(CLI::Range(1, 4096));
  add_count(c, "--repetitions", o.repetitions, 1, 100, "of each measurement; shown is the median");
  add_choice(c, "--cache", o.cache, {"expanded", "latent"}, "the form of the cache");
  add_exact(c, o.exact);
  c->add_flag("--training", o.training, "measure training steps instead");
  add_count(c, "--step-tokens", o.step_tokens, 1, 1 << 24, "training: tokens of a step");
  add_count(c, "--sequence-length", o.sequence_length, 1, 1 << 24,
            "training: tokens of a sequence");
  add_threads(c, o.threads);
}

// The innermost command of a line that does not parse, for the help to look at.
std::string help_command(const CLI::App& app) {
  std::string command = "weir";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  return command + " --help";
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  return std::string(trim(text));
}

Error unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(c->get_name());
  const std::string near = nearest_word(word, known);
  const std::string guess = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
  return Error{fmt::format("'{}' is no command{}; see weir --help", word, guess)};
}

}  // namespace

Result<std::optional<Command>> parse_command_line(int count, char** arguments) {
  CLI::App app("weir trains, serves and tunes DeepSeek-style language models on CPUs.", "weir");
  app.set_version_flag("--version", version_text(), "print the version");
  app.require_subcommand(1);
  app.get_formatter()->column_width(26);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.get_formatter()->label("Subcommands", "Commands");
  app.get_formatter()->label("REQUIRED", "");
  Parsed parsed;
  Chosen chosen;
  add_train(app, chosen, parsed.train);
  add_r1(app, chosen, parsed.r1);
  add_generate(app, chosen, parsed.generate);
  add_chat(app, chosen, parsed.chat);
  add_inspect(app, chosen, parsed.inspect);
  add_tokenizer(app, chosen, parsed);
  add_corpus(app, chosen, parsed.corpus);
  add_doctor(app, chosen, parsed.doctor);
  add_bench(app, chosen, parsed.bench);
  add_model_commands(app, chosen, parsed);
  VersionOptions version;
  add_command(app, chosen, "version", "print the version", version);
  if (count < 2) {
    std::fputs(app.help().c_str(), stderr);
    return Error{"no command was given; see weir --help"};
  }
  const std::string word = arguments[1];
  auto is_named = [&](const CLI::App* c) { return c->get_name() == word; };
  const CLI::App& commands = app;
  if (word.rfind('-', 0) != 0 && commands.get_subcommands(is_named).empty())
    return unknown_command(app, word);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& e) {  // help or version, which exit() prints
    app.exit(e);
    return Chosen();
  } catch (const CLI::ParseError& e) {
    return Error{fmt::format("{}; see {}", one_line(e.what()), help_command(app))};
  }
  return chosen;
}

std::string version_text() {
  return fmt::format("weir {} ({} kernels)", WEIR_VERSION, kernels().name);
}

}  // namespace weir
