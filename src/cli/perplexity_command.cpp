// `weir perplexity`: how well a model predicts a text; and `weir importance`: which columns of its
// weights that text needs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "chat/open_adapters.h"
#include "chat/open_model.h"
#include "checkpoint/gguf_names.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "cli/standard_input.h"
#include "convert/convert.h"
#include "convert/importance.h"
#include "corpus/corpus.h"
#include "engine/scorer.h"

namespace weir {
namespace {

struct PerplexityOptions {
  std::string model, text;  // a file; "-": standard input
  std::vector<std::string> adapters = {};
  int context = 512;
  bool scores_all = false;  // every token of a window, not its second half alone
  int windows = 0;          // 0: all
  std::string cache = "expanded", cache_type = "f32";
  bool exact = false;  // do not quantize activations to int14
  double expert_memory_gib = 0;
  int threads = 0;
  bool json = false;
};

struct ImportanceOptions {
  std::string model, text, out;
  std::vector<std::string> adapters = {};  // none: importance is of the base
  int context = 512;
  int windows = 0;
  double expert_memory_gib = 0;
  bool overwrites = false;
  int threads = 0;
};

constexpr int kChunk = 256;  // tokens of a pass
constexpr size_t kTextBytesMax = size_t(1) << 32;

// A text as windows of tokens.
using Windows = std::vector<std::vector<int>>;

Result<Windows> read_windows(const std::string& path, const Tokenizer& tokenizer, int context,
                             int most) {
  std::string text = path == "-" ? TRY(read_standard_input()) : TRY(read_file(path, kTextBytesMax));
  if (path != "-") text = TRY(clean_text(std::move(text), path));
  const std::vector<int> ids = TRY_IN(path, tokenizer.encode(text));
  Windows windows;
  const std::vector<int>& prefix = tokenizer.prefix();
  if (prefix.size() + 2 > size_t(context))
    return Error{fmt::format("--context {} leaves no room beside the {} tokens that begin a text",
                             context, prefix.size())};
  const size_t own = size_t(context) - prefix.size();
  for (size_t begin = 0; begin + own <= ids.size(); begin += own) {
    if (most > 0 && windows.size() == size_t(most)) break;
    std::vector<int> window = prefix;
    window.insert(window.end(), ids.begin() + ptrdiff_t(begin),
                  ids.begin() + ptrdiff_t(begin + own));
    windows.push_back(std::move(window));
  }
  if (windows.empty())
    return Error{
        fmt::format("{}: has {} tokens, which fill no window of {}; give a longer text or "
                    "a smaller --context",
                    path, ids.size(), context)};
  return windows;
}

struct Sums {
  double loss = 0, square = 0;
  int64_t tokens = 0;
  double perplexity() const { return std::exp(loss / double(tokens)); }
  // Of the perplexity, from the spread of the tokens' losses.
  double standard_error() const {
    if (tokens < 2) return 0;
    const double mean = loss / double(tokens);
    const double variance = std::max(0.0, square / double(tokens) - mean * mean);
    return perplexity() * std::sqrt(variance / double(tokens - 1));
  }
};

void add(const std::vector<float>& log_probabilities, size_t first, Sums& sums) {
  for (size_t i = first; i < log_probabilities.size(); ++i) {
    const double loss = -double(log_probabilities[i]);
    sums.loss += loss;
    sums.square += loss * loss;
    ++sums.tokens;
  }
}

void print_perplexity(const PerplexityOptions& options, const Sums& sums, size_t windows) {
  if (options.json) {
    Json json = Json::object();
    json.set("model", options.model);
    json.set("text", options.text);
    json.set("context", options.context);
    json.set("cache", options.cache);
    json.set("cache_type", options.cache_type);
    json.set("windows", uint64_t(windows));
    json.set("tokens", sums.tokens);
    json.set("perplexity", sums.perplexity());
    json.set("standard_error", sums.standard_error());
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("perplexity {:.4f} +- {:.4f} over {} tokens in {} windows of {}\n", sums.perplexity(),
             sums.standard_error(), sums.tokens, windows, options.context);
}

// A model and the windows of a text that it is to read.
struct Reading {
  std::unique_ptr<Model> model;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<Scorer> scorer;
  Windows windows;
};

template <class Options>
Result<Reading> open_reading(const Options& options, CacheForm form = CacheForm::expanded,
                             CacheType type = CacheType::f32) {
  AdaptedModel opened =
      TRY(open_adapted(options.model, options.adapters, expert_memory(options.expert_memory_gib)));
  const std::unique_ptr<Tokenizer> tokenizer = TRY(open_tokenizer(*opened.checkpoint));
  Reading reading;
  reading.model = std::move(opened.model);
  const int most = reading.model->config().max_position_embeddings;
  if (options.context < 4 || options.context > most)
    return Error{fmt::format("--context must be from 4 to {}, not {}", most, options.context)};
  reading.windows = TRY(read_windows(options.text, *tokenizer, options.context, options.windows));
  reading.pool = std::make_unique<ThreadPool>(options.threads);
  reading.model->pack(*reading.pool);
  reading.scorer = TRY_IN(options.model, Scorer::create(*reading.model, *reading.pool,
                                                        options.context, form, kChunk, type));
  return reading;
}

// Adds up squares of activations, by the weights' GGUF names.
class SquareSums : public ActivationObserver {
 public:
  void observe(const Matrix& weight, const Tensor& x) override {
    ImportanceSums& sums = sums_[&weight];
    sums.squares.resize(size_t(x.cols));
    sums.rows += x.rows;
    for (int r = 0; r < x.rows; ++r)
      for (int i = 0; i < x.cols; ++i)
        sums.squares[size_t(i)] += double(x.row(r)[i]) * double(x.row(r)[i]);
  }
  std::map<std::string, ImportanceSums> by_name() const {
    std::map<std::string, ImportanceSums> named;
    for (const auto& [weight, sums] : sums_) {
      const std::string name = gguf_name(weight->name);
      if (name.empty()) continue;
      named[name] = sums;
      // The values' half of kv_b_proj, which is a tensor of its own there.
      if (const size_t at = name.find("attn_kv_b"); at != std::string::npos)
        named[name.substr(0, at) + "attn_v_b.weight"] = sums;
    }
    return named;
  }

 private:
  std::map<const Matrix*, ImportanceSums> sums_;
};

// exp of the mean of -log p. The text is cut into windows of `context` tokens, each beginning with
// BOS where the tokenizer puts one; the tokens of a window's second half count, as llama.cpp's
// perplexity counts them, so that each has that much before it.
Result<Ending> perplexity(const PerplexityOptions& options) {
  const CacheType cache_type = TRY(find_cache_type(options.cache_type));
  const Reading reading = TRY(open_reading(
      options, options.cache == "latent" ? CacheForm::latent : CacheForm::expanded, cache_type));
  const std::vector<std::vector<int>>& windows = reading.windows;
  reading.scorer->exact = options.exact;
  catch_stop_signals();
  Progress progress("perplexity", double(windows.size()), "windows");
  const size_t first = options.scores_all ? 1 : size_t(options.context) / 2;
  Sums sums;
  size_t scored = 0;
  while (scored < windows.size() && !stop_requested()) {
    add(TRY_IN(options.model, reading.scorer->log_probabilities(windows[scored])), first, sums);
    progress.update(double(++scored), fmt::format("{:.4f}", sums.perplexity()));
  }
  const bool is_whole = scored == windows.size();
  if (is_whole) progress.finish();
  if (!std::isfinite(sums.loss))
    return Error{options.model + ": gives probabilities that are not finite; the file is damaged"};
  if (scored > 0) print_perplexity(options, sums, scored);
  if (!is_whole) fmt::print(stderr, "stopped after {} of {} windows\n", scored, windows.size());
  return is_whole ? Ending::done : Ending::interrupted;
}

// Writes a file for `weir quantize --importance`, which llama-quantize reads too.
Result<Ending> importance(const ImportanceOptions& options) {
  if (!has_gguf_name(options.out) || is_same_place(options.out, options.model))
    return Error{options.out + ": --out must be a .gguf file, and another one than the model"};
  TRY(check_output(options.out, options.overwrites, false));
  const Reading reading = TRY(open_reading(options));
  const std::vector<std::vector<int>>& windows = reading.windows;
  SquareSums sums;
  reading.scorer->observer = &sums;
  catch_stop_signals();
  Progress progress("importance", double(windows.size()), "windows");
  for (size_t i = 0; i < windows.size(); ++i) {
    if (stop_requested()) return Ending::interrupted;
    TRY_IN(options.model,
           reading.scorer->logits(windows[i], [](int, Tensor) -> Result<void> { return {}; }));
    progress.update(double(i + 1));
  }
  TRY(write_importance(options.out, sums.by_name()));
  progress.finish();
  fmt::print(stderr, "importance of {} tensors in {}\n", sums.by_name().size(), options.out);
  return Ending::done;
}

}  // namespace

void add_text_measures(CommandGroup& commands) {
  auto [c, o] = commands.add("perplexity", "measure how well a model predicts a text", perplexity);
  c.argument("MODEL", o.model, kModelHelp).required();
  c.argument("TEXT", o.text, "a file; - is standard input").required();
  c.count("--context", o.context, 4, 1 << 24, "window length in tokens");
  c.count("--windows", o.windows, 0, 1 << 30, "number of windows; 0: all");
  c.choice("--cache", o.cache, {"expanded", "latent"}, "KV cache form");
  add_adapters(c, o.adapters);
  add_cache_type(c, o.cache_type);
  add_exact(c, o.exact);
  add_expert_memory(c, o.expert_memory_gib);
  c.flag("--all", o.scores_all, "score every token, not only the second half of each window");
  c.flag("--json", o.json, "print one JSON object instead of text");
  add_threads(c, o.threads);

  auto [i, p] = commands.add("importance", "compute an importance matrix from a text, for quantize",
                             importance, Writes::files);
  i.argument("MODEL", p.model, kModelHelp).required();
  i.argument("TEXT", p.text, "a file; - is standard input").required();
  i.option("--out", p.out, "FILE", "a .gguf file").required();
  i.count("--context", p.context, 4, 1 << 24, "window length in tokens");
  i.count("--windows", p.windows, 0, 1 << 30, "number of windows; 0: all");
  i.flag("--overwrite", p.overwrites, "replace a file that exists");
  add_threads(i, p.threads);
}

}  // namespace weir
