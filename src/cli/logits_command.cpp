// `weir logits`: the scores of every token over the vocabulary, as a NumPy file, so that anyone can
// compare with another program.
#include <fmt/format.h>

#include <cmath>

#include "base/atomic_output.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "chat/open_adapters.h"
#include "chat/open_model.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "engine/scorer.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

struct LogitsOptions {
  std::string model;
  std::vector<int> tokens;
  std::vector<std::string> adapters;
  std::string out;  // FILE.npy, f32 [tokens, vocabulary]
  std::string cache = "expanded", cache_type = "f32";
  int chunk = 256;     // tokens of a pass
  bool exact = false;  // do not quantize activations to int14
  double expert_memory_gib = 0;
  int threads = 0;
};

// The header of NumPy's format 1.0 for a little-endian f32 matrix, padded to 64 bytes.
std::string npy_header(size_t rows, size_t columns) {
  std::string dictionary =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  const size_t before = 10;  // magic, version, length
  dictionary.append(63 - (before + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(dictionary.size() & 255);
  header += char(dictionary.size() >> 8);
  return header + dictionary;
}

Result<Ending> logits(const LogitsOptions& options) {
  if (options.tokens.empty())
    return Error{"--tokens needs at least one token id, as in --tokens 1,2,3"};
  if (!options.out.ends_with(".npy"))
    return Error{options.out + ": --out must end in .npy, so that nothing else is overwritten"};
  const CacheType cache_type = TRY(find_cache_type(options.cache_type));
  const std::unique_ptr<Model> model = std::move(
      TRY(open_adapted(options.model, options.adapters, expert_memory(options.expert_memory_gib)))
          .model);
  if (model->adapts_kv_b() && options.cache == "latent")
    return Error{
        "an adapter changes kv_b_proj, which a latent cache reads without it; leave "
        "--cache out"};
  ThreadPool pool(options.threads);
  model->pack(pool);
  const auto scorer =
      TRY_IN(options.model,
             Scorer::create(*model, pool, int(options.tokens.size()),
                            options.cache == "latent" ? CacheForm::latent : CacheForm::expanded,
                            options.chunk, cache_type));
  scorer->exact = options.exact;
  const size_t columns = size_t(model->config().vocab_size);
  const std::string header = npy_header(options.tokens.size(), columns);
  AtomicFiles file;
  TRY(file.begin(options.out));
  TRY(file.write(header.data(), header.size()));
  Progress progress("logits", double(options.tokens.size()), "tokens");
  bool was_stopped = false;
  const auto write = [&](int first, Tensor rows) -> Result<void> {
    if (stop_requested()) {
      was_stopped = true;
      return Error{"stopped"};
    }
    for (int r = 0; r < rows.rows; ++r) {
      if (!std::isfinite(kernels().sum(rows.row(r), int(columns))))
        return Error{
            fmt::format("the scores of token {} are not finite; the file is damaged", first + r)};
      TRY(file.write(rows.row(r), columns * sizeof(float)));
    }
    progress.update(first + rows.rows);
    return {};
  };
  catch_stop_signals();
  Result<void> scored = scorer->logits(options.tokens, write);
  if (was_stopped) return Ending::interrupted;
  TRY_IN(options.model, std::move(scored));
  TRY(file.end());
  TRY(file.rename_all());
  progress.finish();
  fmt::print(stderr, "{} x {} logits in {}\n", options.tokens.size(), columns, options.out);
  return Ending::done;
}

}  // namespace

void add_logits(CommandGroup& commands) {
  auto [c, o] =
      commands.add("logits", "write the logits of a text as a NumPy file", logits, Writes::files);
  c.argument("MODEL", o.model, kModelHelp).required();
  c.option("--tokens", o.tokens, "N,N", "token ids of the text")
      .required()
      .comma_separated()
      .whole_number(0, INT32_MAX);
  c.option("--out", o.out, "FILE.npy", "output file, f32 [tokens, vocabulary]").required();
  c.choice("--cache", o.cache, {"expanded", "latent"}, "KV cache form");
  add_adapters(c, o.adapters);
  add_cache_type(c, o.cache_type);
  add_exact(c, o.exact);
  add_expert_memory(c, o.expert_memory_gib);
  c.count("--chunk", o.chunk, 1, 65536, "tokens per pass; changes no bit of the result");
  add_threads(c, o.threads);
}

}  // namespace weir
