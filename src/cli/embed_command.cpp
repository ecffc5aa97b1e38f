// `weir embed`: texts to vectors, one line of JSON for each.
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "embed/embedder.h"
#include "embed/vector_text.h"

namespace weir {
namespace {

struct EmbedOptions {
  std::string model;
  std::vector<std::string> texts;
  std::string file;  // "-": standard input
  std::string prompt;
  int dimensions = 0;
  EmbedderOptions how;
};

constexpr size_t kTextsOfStep = 64;  // between looks at Ctrl-C and writes

// The arguments, or the lines of a file or of standard input.
Result<std::vector<std::string>> texts_of(const EmbedOptions& options) {
  if (!options.texts.empty() && !options.file.empty())
    return Error{"--file takes the place of TEXT; give one of them"};
  if (!options.texts.empty()) return options.texts;
  std::string all = TRY(read_text_input(options.file.empty() ? "-" : options.file));
  if (all.ends_with('\n')) all.pop_back();
  if (all.empty()) return Error{"there is no text; give TEXT, --file, or lines on standard input"};
  return split(all, '\n');
}

std::string line_of(const std::vector<float>& vector, size_t tokens, bool is_cut) {
  return fmt::format("{{\"tokens\":{}{},\"embedding\":{}}}", tokens,
                     is_cut ? ",\"truncated\":true" : "", vector_json(vector));
}

Result<Ending> embed_texts(const EmbedOptions& options) {
  TRY(check_model_exists(options.model));
  const std::vector<std::string> texts = TRY(texts_of(options));
  const auto embedder = TRY(Embedder::open(options.model, options.how));
  if (!embedder->note().empty())
    fmt::print(stderr, "note: {}: {}\n", options.model, embedder->note());
  const std::string prompt = TRY_IN("--prompt", embedder->prompt(options.prompt));
  if (options.dimensions > embedder->width())
    return Error{fmt::format("--dimensions {}: the model's vectors have {} numbers",
                             options.dimensions, embedder->width())};
  const size_t width = size_t(options.dimensions > 0 ? options.dimensions : embedder->width());
  catch_stop_signals();
  size_t cuts = 0;
  std::optional<Progress> progress;
  if (texts.size() > kTextsOfStep && isatty(STDOUT_FILENO) == 0)
    progress.emplace("embedding", double(texts.size()), "texts");
  for (size_t begin = 0; begin < texts.size() && !stop_requested(); begin += kTextsOfStep) {
    const size_t end = std::min(texts.size(), begin + kTextsOfStep);
    std::vector<std::vector<int>> tokens;
    std::vector<bool> is_cut;
    for (size_t i = begin; i < end; ++i) {
      std::vector<int> ids =
          TRY_IN(fmt::format("text {}", i + 1), embedder->encode(prompt + texts[i]));
      is_cut.push_back(int(ids.size()) > embedder->tokens_max());
      cuts += is_cut.back();
      tokens.push_back(embedder->cut(std::move(ids)));
    }
    std::vector<std::vector<float>> vectors = TRY(embedder->embed_tokens(tokens));
    for (size_t i = 0; i < vectors.size(); ++i)
      fmt::print("{}\n",
                 line_of(shortened(std::move(vectors[i]), width), tokens[i].size(), is_cut[i]));
    fflush(stdout);
    if (ferror(stdout)) break;
    if (progress) progress->update(double(end));
  }
  if (cuts > 0)
    fmt::print(stderr, "note: {} of the texts {} longer than {} tokens and {} cut there\n", cuts,
               cuts == 1 ? "was" : "were", embedder->tokens_max(), cuts == 1 ? "was" : "were");
  return stop_requested() ? Ending::interrupted : Ending::done;
}

}  // namespace

void add_embed(CommandGroup& commands) {
  auto [c, o] = commands.add("embed", "turn texts into vectors for search", embed_texts);
  c.argument("MODEL", o.model, "a folder or .gguf file of an encoder (BERT) or any other model")
      .required();
  c.argument("TEXT", o.texts, "texts [the lines of standard input]", "...");
  c.option("--file", o.file, "FILE", "text file with one text in each line; -: standard input");
  c.option("--prompt", o.prompt, "NAME",
           "prompt that goes before each text, by its name in the model's "
           "config_sentence_transformers.json [its default one]");
  c.count("--dimensions", o.dimensions, 0, 1 << 17,
          "numbers of a vector that are kept, of length 1 again; 0: all");
  add_threads(c, o.how.threads);
  add_exact(c, o.how.exact);
}

}  // namespace weir
