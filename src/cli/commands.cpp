#include "cli/commands.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command_builder.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

void add_sampling(CLI::App* app, SamplingOptions& s) {
  add_value(app, "--temperature", s.temperature, "X",
            "divides the logits; 0: always the most probable token")
      ->check(real_number(0, 1000));
  add_value(app, "--top-k", s.top_k, "K", "sample from the K most probable tokens; 0: all")
      ->check(whole_number(0, INT32_MAX));
  add_value(app, "--top-p", s.top_p, "P",
            "sample from the fewest tokens with total probability P; 1: all")
      ->check(real_number(0, 1));
  add_value(app, "--min-p", s.min_p, "P",
            "drop tokens less probable than P times the most probable one; 0: none")
      ->check(real_number(0, 1));
  add_value(app, "--seed", s.seed, "N", "random seed; the same seed gives the same text")
      ->check(any_seed());
}

void add_cache(CLI::App* app, std::string& cache, double& limit) {
  add_choice(app, "--cache", cache, {"auto", "expanded", "latent"},
             "KV cache form; latent (MLA models only) is smaller; auto: latent unless weights are "
             "f32");
  app->add_option("--cache-limit", limit, "KV cache size in GiB [80 % of free memory]")
      ->check(real_number(0, 1e6))
      ->option_text("GIB");
}

constexpr const char* kFolderHelp =
    "a .gguf file, or a folder: config.json, safetensors, tokenizer.json";

constexpr const char* kPathsHelp = "text, Markdown, HTML, JSONL (gzip too), folders, patterns";

void add_train(CLI::App& app, Chosen& chosen, TrainOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "train", "train a model from a recipe, or resume its run", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/recipes.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE",
           "override a recipe key, e.g. --set optimizer.lr=1e-3 (repeatable)");
  add_threads(c, o.threads);
}

void add_r1(CLI::App& app, Chosen& chosen, R1Command& o) {
  CLI::App* c = add_command(app, chosen, "r1",
                            "train a model through DeepSeek-R1's stages, or resume the run", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/r1.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE",
           "override a recipe key, e.g. --set stages.cold-start.rate.lr=1e-3 (repeatable)");
  c->add_option("--minutes", o.minutes, "time budget of all stages together [the recipe's]")
      ->check(real_number(0.01, 100000))
      ->option_text("X");
  c->add_option("--stage", o.stage, "run only this stage")->option_text("NAME");
  add_threads(c, o.threads);
}

void add_generate(CLI::App& app, Chosen& chosen, GenerateOptions& o) {
  CLI::App* c = add_command(app, chosen, "generate", "continue a text", o);
  c->add_option("FOLDER", o.folder, kFolderHelp)->required()->option_text(" ");
  CLI::Option* prompt =
      c->add_option("--prompt", o.prompt,
                    "text to continue; without it standard input is read, if it is piped")
          ->option_text("TEXT");
  c->add_option("--prompt-file", o.prompt_file, "read the prompt from a file; - is standard input")
      ->option_text("FILE")
      ->excludes(prompt);
  add_count(c, "--tokens", o.tokens, 1, 1 << 24, "maximum number of new tokens");
  add_sampling(c, o.sampling);
  add_list(c, "--stop", o.stops, "TEXT",
           "stop before this text; \\n and \\t are escapes (repeatable)");
  add_count(c, "--samples", o.samples, 1, 4096, "number of continuations, computed as one batch");
  c->add_flag("--ignore-end", o.ignore_end, "do not stop at end-of-text tokens");
  c->add_flag("--special", o.allow_special, "parse control tokens in the prompt");
  add_exact(c, o.exact);
  add_cache(c, o.cache, o.cache_limit_gib);
  add_threads(c, o.threads);
  c->add_flag("--json", o.json, "print one JSON object instead of text");
}

void add_chat(CLI::App& app, Chosen& chosen, ChatOptions& o) {
  CLI::App* c = add_command(app, chosen, "chat", "talk to a model, or to the stages of a run", o);
  c->add_option("FOLDER", o.folder, std::string(kFolderHelp) + "; or a run of weir r1")
      ->required()
      ->option_text(" ");
  c->add_option("--stage", o.stage, "stage of the run [the last finished one]")
      ->option_text("NAME");
  add_choice(c, "--history", o.history, {"auto", "all", "none"},
             "send earlier turns; auto: not to runs tuned on single questions only");
  add_choice(c, "--form", o.form, {"auto", "template", "conversation", "plain"},
             "prompt format; template: the model's chat template; conversation: DeepSeek's control "
             "tokens");
  add_choice(c, "--thinking", o.thinking, {"auto", "on", "off"},
             "thinking switch of the chat template");
  c->add_flag("--no-thinking", o.no_thinking, "hide the thinking");
  c->add_option("--system", o.system, "system prompt; @FILE reads it from a file")
      ->option_text("TEXT");
  c->add_option("--tools", o.tools, "JSON file with the tools that the model may call")
      ->option_text("FILE");
  add_count(c, "--tokens", o.tokens, 0, 1 << 24,
            "maximum number of tokens per answer, thinking included; 0: the context");
  c->add_flag("--lines", o.by_lines,
              "a pipe holds a question or command per line, not one question");
  c->add_flag("--private", o.is_private,
              "keep no questions and no conversation for later sessions");
  add_sampling(c, o.sampling);
  add_exact(c, o.exact);
  add_cache(c, o.cache, o.cache_limit_gib);
  add_threads(c, o.threads);
}

void add_inspect(CLI::App& app, Chosen& chosen, InspectOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "inspect", "show a model's architecture, size and memory", o);
  c->add_option(
       "MODEL", o.target,
       "a .gguf file, a folder or run, config.json, .safetensors, a name (deepseek-v3 ...)")
      ->required()
      ->option_text(" ");
  c->add_option("--type", o.type,
                "size of the GGUF file that weir quantize would write with this type")
      ->option_text("WORD");
  add_value(c, "--context", o.context, "N",
            "context length in tokens; 0: the smaller of 4096 and the model's")
      ->check(whole_number(0, int64_t(1) << 40));
  add_value(c, "--tokens", o.tokens, "N", "tokens of one training micro-batch")
      ->check(whole_number(1, int64_t(1) << 40));
  c->add_flag("--config", o.config, "print only the configuration, as config.json");
  c->add_flag("--details", o.details, "print parameters, KV cache and memory part by part");
  c->add_flag("--tensors", o.tensors, "list every tensor with its shape");
  c->add_flag("--json", o.json, "print one JSON object instead of text");
}

void add_corpus_options(CLI::App* c, std::vector<std::string>& paths, std::string& field,
                        bool& skip_bad_lines, int& threads) {
  c->add_option("PATHS", paths, kPathsHelp)->required()->option_text("...");
  add_value(c, "--field", field, "KEY", "JSONL key of the text");
  c->add_flag("--skip-bad-lines", skip_bad_lines, "skip JSONL lines that cannot be read");
  add_threads(c, threads);
}

void add_tokenizer(CLI::App& app, Chosen& chosen, Parsed& parsed) {
  CLI::App* group = app.add_subcommand("tokenizer", "train a tokenizer; encode and decode text");
  group->require_subcommand(1);
  TokenizerTrainCommand& t = parsed.tokenizer_train;
  CLI::App* c = add_command(*group, chosen, "train", "train a tokenizer on text", t);
  c->add_option("--out", t.out, "output folder, or a .json file for tokenizer.json alone")
      ->required()
      ->option_text("PATH");
  add_count(c, "--vocab", t.vocab_size, 1, 2'000'000, "vocabulary size");
  add_choice(c, "--kind", t.kind, {"bpe", "char"}, "char: one token per character");
  add_value(c, "--pattern", t.pattern, "NAME", "pre-tokenizer: gpt-2, qwen2, none ...");
  c->add_flag("--digits", t.isolate_digits, "split numbers into single digits");
  add_value(c, "--end", t.end, "TEXT", "end-of-text token; empty: none");
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
    code->add_option(encodes ? "TEXT" : "IDS", k.words, "[standard input]")->option_text("...");
    code->add_flag("--special", k.allow_special,
                   encodes ? "parse control tokens in the text" : "show control tokens");
    if (encodes)
      code->add_flag("--bos", k.framed, "prepend the beginning-of-sequence token, if there is one");
  }
}

void add_corpus(CLI::App& app, Chosen& chosen, CorpusCommand& o) {
  CLI::App* c = add_command(app, chosen, "corpus", "show the text that training would read", o);
  c->add_option("--out", o.out, "write the documents as JSONL")->option_text("FILE");
  c->add_flag("--stats", o.stats, "print sizes and the longest documents");
  add_corpus_options(c, o.paths, o.field, o.skip_bad_lines, o.threads);
}

void add_doctor(CLI::App& app, Chosen& chosen, DoctorCommand& o) {
  CLI::App* c = add_command(app, chosen, "doctor", "check the data and rewards of an R1 recipe", o);
  c->add_option("RECIPE", o.recipe, "a YAML file (docs/doctor.md)")->required()->option_text(" ");
  add_list(c, "--set", o.sets, "KEY=VALUE", "override a recipe key (repeatable)");
  add_count(c, "--problems", o.problems, 1, 1'000'000, "problems to check per source");
  add_count(c, "--rows", o.rows, 0, 100, "rows to show token by token per source");
  c->add_flag("--plain", o.plain, "marks instead of colours");
  add_threads(c, o.threads);
}

void add_bench(CLI::App& app, Chosen& chosen, BenchOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "bench", "measure the speed of generation, or of training", o);
  c->add_option(
       "MODEL", o.model,
       fmt::format("a folder or .gguf; a name or config.json (random weights) [{}]", o.model))
      ->option_text(" ");
  add_count(c, "--prompt", o.prompt, 1, 1 << 24, "prompt length in tokens");
  add_count(c, "--tokens", o.tokens, 2, 1 << 24, "tokens generated per sequence");
  add_count(c, "--samples", o.samples, 1, 4096, "number of sequences that share a prompt");
  c->add_option("--sequences", o.sequences, "batch sizes [1,8,32]")
      ->option_text("N,N")
      ->delimiter(',')
      ->check(whole_number(1, 4096));
  add_count(c, "--repetitions", o.repetitions, 1, 100, "repetitions; the median is shown");
  add_choice(c, "--cache", o.cache, {"auto", "expanded", "latent"},
             "KV cache form, as in weir generate");
  add_exact(c, o.exact);
  c->add_flag("--training", o.training, "measure training steps instead");
  add_count(c, "--step-tokens", o.step_tokens, 1, 1 << 24, "training: tokens per step");
  add_count(c, "--sequence-length", o.sequence_length, 1, 1 << 24, "training: tokens per sequence");
  c->add_option("--trace", o.trace, "write a profile of one more repetition, for ui.perfetto.dev")
      ->option_text("FILE");
  add_threads(c, o.threads);
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

Result<std::optional<Command>> parse_command_line(int count, char** arguments) {
  CLI::App app("weir trains, tunes, converts and runs DeepSeek-style language models on CPUs.",
               "weir");
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
  std::vector<std::string> words = words_of(count, arguments);
  if (!words[0].starts_with('-') && !is_command(app, words[0]))
    return unknown_command(app, words[0]);
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 takes a vector
    app.parse(std::move(words));
  } catch (const CLI::Success& e) {  // help or version, which exit() prints
    app.exit(e);
    return Chosen();
  } catch (const CLI::ParseError& e) {
    return explain(app, e);
  }
  return chosen;
}

std::string version_text() {
  return fmt::format("weir {} ({} kernels)", WEIR_VERSION, kernels().name);
}

}  // namespace weir
