// `weir bench`: how fast this machine generates with a model, beside what its memory allows; or how
// fast it trains one, beside what its arithmetic allows.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "base/zones.h"
#include "chat/open_model.h"
#include "checkpoint/size_check.h"
#include "cli/bandwidth.h"
#include "cli/bench_training.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "kernels/kernels.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

struct BenchOptions {
  // A folder; or a preset's name or a config.json (random weights, same speed).
  std::string model = "demo";
  int prompt = 256;  // tokens of a prompt
  int tokens = 128;  // generated per sequence
  int samples = 1;   // sequences that have the same prompt
  std::vector<int> sequences = {1, 8, 32};
  int repetitions = 3;
  bool exact = false;          // do not quantize activations to int15
  std::string cache = "auto";  // "expanded", "latent"
  std::string cache_type = "f32";
  int threads = 0;
  bool training = false;
  TrainingBench training_shape = {};
};

struct Speed {
  int sequences;
  double prefill, decode;              // tokens per second, medians
  double decode_slowest, decode_best;  // of the repetitions
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The shape of a model: from a config.json, in its folder or alone, or a preset's.
Result<ModelConfig> shape_of(const std::string& model) {
  if (is_directory(model)) return read_config(join_path(model, "config.json"));
  return model.ends_with(".json") ? read_config(model) : preset(model);
}

// A model of this shape with random weights; 256 of its tokens have a text.
Result<OpenModel> random_model(const BenchOptions& options) {
  ModelConfig config = TRY(shape_of(options.model));
  TRY(check_model_fits(config, options.model));
  OpenModel open;
  open.model = Model::create(config, false);
  open.model->initialize(1);
  const std::string_view text[] = {" "};
  open.tokenizer = std::make_unique<Tokenizer>(TRY(train_character_tokenizer(
      text, {.added_tokens = {}, .bos = "", .eos = "", .only_seen = false})));
  open.pool = std::make_unique<ThreadPool>(options.threads);
  open.model->pack(*open.pool);
  return open;
}

Result<OpenModel> open_subject(const BenchOptions& options) {
  if (!is_directory(options.model) && !is_gguf(options.model)) return random_model(options);
  return open_model({.path = options.model, .threads = options.threads});
}

Result<Speed> measure(const BenchOptions& options, const OpenModel& open, int sequences) {
  EngineOptions settings;
  settings.sequences_max = sequences;
  settings.cache = choose_cache(options.cache, *open.model);
  settings.cache_type = TRY(find_cache_type(options.cache_type));
  settings.exact = options.exact;
  settings.cache_bytes_max = default_cache_bytes();
  settings.keeps_prefixes = true;  // from reading the prompts to the replies
  auto generator = TRY(Generator::create(*open.model, *open.tokenizer, *open.pool, settings));
  TRY(generator->warm_up());
  std::vector<double> prefill, decode;
  for (int repetition = 0; repetition < options.repetitions; ++repetition) {
    std::vector<Request> requests(static_cast<size_t>(sequences));
    Random random(1, uint64_t(repetition));
    for (size_t i = 0; i < requests.size(); ++i) {
      if (i % size_t(options.samples) > 0) requests[i].prompt = requests[i - 1].prompt;
      while (int(requests[i].prompt.size()) < options.prompt)
        requests[i].prompt.push_back(int(random.below(uint64_t(open.model->config().vocab_size))));
      requests[i].tokens_max = options.tokens;
      requests[i].stream = i;
    }
    // First the prompts alone: replies that begin while others are read would be measured with
    // them.
    std::vector<Request> prompts = requests;
    for (Request& prompt : prompts) prompt.tokens_max = 1;
    const GenerateStatistics before = generator->statistics();
    TRY(generator->generate(prompts));
    const GenerateStatistics read = generator->statistics();
    TRY(generator->generate(requests));
    const GenerateStatistics& after = generator->statistics();
    prefill.push_back(double(read.prompt_tokens - before.prompt_tokens) /
                      (read.prefill_seconds - before.prefill_seconds));
    decode.push_back(double(after.decoded_tokens - read.decoded_tokens) /
                     (after.decode_seconds - read.decode_seconds));
  }
  auto [slowest, best] = std::minmax_element(decode.begin(), decode.end());
  return Speed{sequences, median(prefill), median(decode), *slowest, *best};
}

// The zones of one more repetition. The speeds were measured without a trace.
Result<void> trace(BenchOptions options, const OpenModel& open) {
  options.repetitions = 1;
  start_tracing();
  auto speed = measure(options, open, options.sequences.front());
  if (!speed) stop_tracing();
  TRY(speed);
  return write_trace(options.training_shape.trace);
}

// Bytes of weights that one pass with one sequence reads, as they are stored.
double bytes_per_token(const Model& model) {
  double bytes = 0;
  for (const TensorShape& tensor : all_tensors(model.config())) {
    const Matrix* weight = model.find(tensor.name);
    const WeightType type = weight ? weight->type : WeightType::f32;
    bytes += share_per_token(model.config(), tensor.name) *
             double(type_bytes(type, size_t(tensor.elements())));
  }
  return bytes;
}

Result<void> check(const BenchOptions& options, const ModelConfig& config) {
  if (options.prompt < 1 || options.tokens < 2)
    return Error{"--prompt must be at least 1 and --tokens at least 2"};
  if (options.prompt + options.tokens > config.max_position_embeddings)
    return Error{fmt::format("--prompt and --tokens together exceed the model's context of {}",
                             config.max_position_embeddings)};
  for (int n : options.sequences)
    if (n < 1 || n > 4096) return Error{fmt::format("--sequences must be in [1, 4096], not {}", n)};
  return {};
}

// A small table, and as the last line one JSON object.
Result<void> bench(const BenchOptions& options) {
  if (options.training)
    return bench_training(options.model, TRY(shape_of(options.model)), options.training_shape,
                          options.threads);
  OpenModel open = TRY(open_subject(options));
  const ModelConfig& config = open.model->config();
  TRY(check(options, config));
  const ModelSize size = model_size(config);
  const double bandwidth = memory_bandwidth(*open.pool);
  const double read = bytes_per_token(*open.model);
  const bool is_latent = choose_cache(options.cache, *open.model) == CacheForm::latent;
  const std::string cache = is_latent ? "latent" : "expanded";
  fmt::print(
      "{}: {} parameters, {} active; {} threads, {}; prompts of {} tokens, {} generated, {} "
      "cache of {}\n",
      options.model, format_count(double(size.total)), format_count(double(size.active)),
      open.pool->threads(), kernels().name, options.prompt, options.tokens, cache,
      options.cache_type);
  fmt::print(
      "memory is read at {:.1f} GB/s and a token reads {} of weights: enough for {:.0f} tokens/s "
      "of one sequence\n\n",
      bandwidth * 1e-9, format_bytes(read), bandwidth / read);
  fmt::print("sequences  prompt tokens/s  new tokens/s  (slowest, best of {})\n",
             options.repetitions);
  Json rows = Json::array();
  for (int n : options.sequences) {
    Speed s = TRY(measure(options, open, n));
    fmt::print("{:9}  {:15.0f}  {:12.0f}  ({:.0f}, {:.0f})\n", s.sequences, s.prefill, s.decode,
               s.decode_slowest, s.decode_best);
    fflush(stdout);
    Json row = Json::object();
    row.set("sequences", s.sequences);
    row.set("prefill_tokens_per_second", s.prefill);
    row.set("decode_tokens_per_second", s.decode);
    row.set("decode_slowest", s.decode_slowest);
    row.set("decode_best", s.decode_best);
    rows.push(std::move(row));
  }
  if (!options.training_shape.trace.empty()) TRY(trace(options, open));
  Json j = Json::object();
  j.set("model", options.model);
  j.set("parameters", size.total);
  j.set("active_parameters", size.active);
  j.set("kernels", kernels().name);
  j.set("threads", open.pool->threads());
  j.set("prompt", options.prompt);
  j.set("tokens", options.tokens);
  j.set("samples", options.samples);
  j.set("cache", cache);
  j.set("cache_type", options.cache_type);
  j.set("exact", options.exact);
  j.set("bytes_per_token", read);
  j.set("repetitions", options.repetitions);
  j.set("memory_bytes_per_second", bandwidth);
  j.set("speeds", std::move(rows));
  fmt::print("\n{}\n", j.dump());
  return {};
}

}  // namespace

void add_bench(CommandGroup& commands) {
  auto [c, o] = commands.add("bench", "measure the speed of generation, or of training", bench);
  c.argument(
      "MODEL", o.model,
      fmt::format("a folder or .gguf; a name or config.json (random weights) [{}]", o.model));
  c.count("--prompt", o.prompt, 1, 1 << 24, "prompt length in tokens");
  c.count("--tokens", o.tokens, 2, 1 << 24, "tokens generated per sequence");
  c.count("--samples", o.samples, 1, 4096, "number of sequences that share a prompt");
  c.option("--sequences", o.sequences, "N,N", "batch sizes [1,8,32]")
      .comma_separated()
      .whole_number(1, 4096);
  c.count("--repetitions", o.repetitions, 1, 100, "repetitions; the median is shown");
  c.choice("--cache", o.cache, {"auto", "expanded", "latent"},
           "KV cache form, as in weir generate");
  add_cache_type(c, o.cache_type);
  add_exact(c, o.exact);
  c.flag("--training", o.training, "measure training steps instead");
  c.count("--step-tokens", o.training_shape.step_tokens, 1, 1 << 24, "training: tokens per step");
  c.count("--sequence-length", o.training_shape.sequence_length, 1, 1 << 24,
          "training: tokens per sequence");
  c.option("--trace", o.training_shape.trace, "FILE",
           "write a profile of one more repetition, for ui.perfetto.dev");
  add_threads(c, o.threads);
}

}  // namespace weir
