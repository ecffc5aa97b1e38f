// Commands about models as files: convert, quantize, make-random, logits, perplexity, importance,
// tokenize.
#include <fmt/ranges.h>

#include "cli/command_builder.h"
#include "convert/mix.h"
#include "formats/gguf.h"

namespace weir {
namespace {

constexpr const char* kModelHelp = "a model's folder (config.json, safetensors) or a .gguf file";
constexpr const char* kOutHelp = "a .gguf file, or a folder that does not exist yet";

std::string type_help() { return fmt::format("{}", fmt::join(mix_names(), ", ")); }

void add_output(CLI::App* c, double& split_gb, bool& overwrites) {
  c->add_option("--split-size", split_gb,
                "maximum file size in GB [GGUF: no split; safetensors: 5]")
      ->check(real_number(0.001, 1e6))
      ->option_text("GB");
  c->add_flag("--overwrite", overwrites, "replace a .gguf file that exists");
}

void add_convert(CLI::App& app, Chosen& chosen, ConvertOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "convert",
                  "convert a model to GGUF or to a HuggingFace folder; merge, split, retype", o);
  c->add_option("FROM", o.from, kModelHelp)->required()->option_text(" ");
  c->add_option("TO", o.to, kOutHelp)->required()->option_text(" ");
  c->add_option("--type", o.type, "weight type [unchanged]: " + type_help())
      ->check(one_of(mix_names()))
      ->option_text("WORD");
  add_output(c, o.split_gb, o.overwrites);
  c->add_flag("--tensors", o.lists_tensors, "print a line for every tensor");
  add_threads(c, o.threads);
}

void add_quantize(CLI::App& app, Chosen& chosen, ConvertOptions& o) {
  CLI::App* c = add_command(app, chosen, "quantize", "quantize a model into a GGUF file", o);
  c->add_option("FROM", o.from, kModelHelp)->required()->option_text(" ");
  c->add_option("TO", o.to, "a .gguf file")
      ->required()
      ->option_text(" ")
      ->check(CLI::Validator(
          [](std::string& text) {
            return has_gguf_name(text) ? "" : "must end in .gguf: folders hold no such types";
          },
          "", "gguf"));
  c->add_option("TYPE", o.type, type_help())
      ->required()
      ->check(one_of(mix_names()))
      ->option_text(" ");
  c->add_option("--importance", o.importance,
                "importance matrix from weir importance or llama-imatrix (GGUF)")
      ->option_text("FILE");
  add_output(c, o.split_gb, o.overwrites);
  c->add_flag("--tensors", o.lists_tensors, "print a line for every tensor");
  add_threads(c, o.threads);
}

void add_make_random(CLI::App& app, Chosen& chosen, MakeRandomOptions& o) {
  CLI::App* c = add_command(app, chosen, "make-random",
                            "write a model of a published shape with random weights", o);
  c->add_option("TO", o.to, kOutHelp)->required()->option_text(" ");
  c->add_option("--like", o.like, "a name that weir inspect knows, or a config.json")
      ->required()
      ->option_text("MODEL");
  add_value(c, "--type", o.type, "WORD", "weight type, as for convert; f8_e4m3 in a folder");
  add_count(c, "--layers", o.layers, 0, 1024, "number of layers; 0: all");
  add_value(c, "--seed", o.seed, "N", "random seed; the same seed gives the same bytes")
      ->check(any_seed());
  add_output(c, o.split_gb, o.overwrites);
  add_threads(c, o.threads);
}

void add_logits(CLI::App& app, Chosen& chosen, LogitsOptions& o) {
  CLI::App* c = add_command(app, chosen, "logits", "write the logits of a text as a NumPy file", o);
  c->add_option("MODEL", o.model, kModelHelp)->required()->option_text(" ");
  c->add_option("--tokens", o.tokens, "token ids of the text")
      ->required()
      ->delimiter(',')
      ->check(whole_number(0, INT32_MAX))
      ->option_text("N,N");
  c->add_option("--out", o.out, "output file, f32 [tokens, vocabulary]")
      ->required()
      ->option_text("FILE.npy");
  add_choice(c, "--cache", o.cache, {"expanded", "latent"}, "KV cache form");
  add_exact(c, o.exact);
  add_count(c, "--chunk", o.chunk, 1, 65536, "tokens per pass; changes no bit of the result");
  add_threads(c, o.threads);
}

void add_perplexity(CLI::App& app, Chosen& chosen, PerplexityOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "perplexity", "measure how well a model predicts a text", o);
  c->add_option("MODEL", o.model, kModelHelp)->required()->option_text(" ");
  c->add_option("TEXT", o.text, "a file; - is standard input")->required()->option_text(" ");
  add_count(c, "--context", o.context, 4, 1 << 24, "window length in tokens");
  add_count(c, "--windows", o.windows, 0, 1 << 30, "number of windows; 0: all");
  add_exact(c, o.exact);
  c->add_flag("--all", o.scores_all, "score every token, not only the second half of each window");
  c->add_flag("--json", o.json, "print one JSON object instead of text");
  add_threads(c, o.threads);
}

void add_importance(CLI::App& app, Chosen& chosen, ImportanceOptions& o) {
  CLI::App* c = add_command(app, chosen, "importance",
                            "compute an importance matrix from a text, for quantize", o);
  c->add_option("MODEL", o.model, kModelHelp)->required()->option_text(" ");
  c->add_option("TEXT", o.text, "a file; - is standard input")->required()->option_text(" ");
  c->add_option("--out", o.out, "a .gguf file")->required()->option_text("FILE");
  add_count(c, "--context", o.context, 4, 1 << 24, "window length in tokens");
  add_count(c, "--windows", o.windows, 0, 1 << 30, "number of windows; 0: all");
  c->add_flag("--overwrite", o.overwrites, "replace a file that exists");
  add_threads(c, o.threads);
}

void add_tokenize(CLI::App& app, Chosen& chosen, TokenizeOptions& o) {
  CLI::App* c =
      add_command(app, chosen, "tokenize", "show the tokens of the text on standard input", o);
  c->add_option("MODEL", o.model, "a folder, a .gguf file or a tokenizer.json")
      ->required()
      ->option_text(" ");
  c->add_flag("--ids", o.ids, "print ids only, on one line");
  c->add_flag("--no-special", o.no_special,
              "no beginning or end tokens; do not parse control tokens in the text");
}

}  // namespace

void add_model_commands(CLI::App& app, Chosen& chosen, Parsed& parsed) {
  add_convert(app, chosen, parsed.convert);
  add_quantize(app, chosen, parsed.quantize);
  add_make_random(app, chosen, parsed.make_random);
  add_logits(app, chosen, parsed.logits);
  add_perplexity(app, chosen, parsed.perplexity);
  add_importance(app, chosen, parsed.importance);
  add_tokenize(app, chosen, parsed.tokenize);
}

}  // namespace weir
