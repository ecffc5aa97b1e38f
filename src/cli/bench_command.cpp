// `weir bench`: how fast this machine generates with a model, beside what its memory and arithmetic
// allow; beside another program; or how fast it trains one. `--limits`: the machine alone.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/zones.h"
#include "chat/open_model.h"
#include "checkpoint/size_check.h"
#include "cli/bandwidth.h"
#include "cli/bench_peer.h"
#include "cli/bench_speed.h"
#include "cli/bench_training.h"
#include "cli/commands.h"
#include "cli/machine_limits.h"
#include "cli/model_flags.h"
#include "cli/shared_options.h"
#include "cli/speculation_flags.h"
#include "cli/standard_input.h"
#include "kernels/kernels.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

struct BenchOptions {
  // A folder; or a preset's name or a config.json (random weights, same speed).
  std::string model = "demo";
  std::vector<int> depths = {};  // empty: kDepth, or the tokens of the prompt file
  std::vector<int> sequences = {1, 8, 32};
  SpeedOptions speed = {};
  bool training = false;
  TrainingBench training_shape = {};
  bool limits = false;
  std::string file;         // of the disk, for limits
  std::string prompt_file;  // "": prompts are random tokens
  PeerOptions peer = {};

  BenchOptions() { speed.model.speculate = "off"; }
};
constexpr int kDepth = 256;

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
  open.pool = std::make_unique<ThreadPool>(options.speed.model.threads);
  open.model->pack(*open.pool);
  return open;
}

Result<OpenModel> open_subject(const BenchOptions& options) {
  if (!is_directory(options.model) && !is_gguf(options.model)) {
    if (!options.speed.model.draft.empty() || !options.prompt_file.empty())
      return Error{options.model +
                   " has random weights; --draft and --prompt-file need a folder or .gguf file"};
    return random_model(options);
  }
  return open_model({.path = options.model, .options = options.speed.model});
}

// Prompts from the text of a file.
Result<void> read_prompt_file(const OpenModel& open, BenchOptions& options) {
  if (!options.prompt_file.empty()) {
    const std::string text = TRY(read_text_input(options.prompt_file));
    if (text.empty()) return Error{options.prompt_file + ": holds no text"};
    options.speed.text = TRY_IN(options.prompt_file, encode_prompt(open, text, true));
  }
  if (options.depths.empty())
    options.depths = {options.speed.text.empty() ? kDepth : int(options.speed.text.size())};
  return {};
}

// The zones of one more repetition. The speeds were measured without a trace.
Result<void> trace(const BenchOptions& options, const OpenModel& open) {
  SpeedOptions once = options.speed;
  once.repetitions = 1;
  start_tracing();
  auto row = measure_speed(open, once, options.depths.front(), options.sequences.front());
  if (!row) stop_tracing();
  TRY(row);
  return write_trace(options.training_shape.trace);
}

Result<void> check(const BenchOptions& options, const ModelConfig& config) {
  for (int depth : options.depths)
    if (depth + options.speed.tokens > config.max_position_embeddings)
      return Error{
          fmt::format("--depth {} and --tokens {} together exceed the model's context of {}", depth,
                      options.speed.tokens, config.max_position_embeddings)};
  return {};
}

// What the rows are shares of.
struct Bounds {
  double bandwidth = 0;
  Peaks peaks;
  bool uses_integers = false;  // the products of this model, under these options
  const Peak& peak() const { return uses_integers ? peaks.integer : peaks.floats; }
};

bool uses_integers(const BenchOptions& options, const Model& model) {
  if (options.speed.model.exact) return false;
  const auto weights = model.weights();
  return std::any_of(weights.begin(), weights.end(),
                     [](const Matrix* weight) { return has_integer_products(weight->type); });
}

void print_row(const SpeedRow& row, const Bounds& bounds) {
  fmt::print(
      "{:6} {:9}  {:9.1f} {:9.2f} s  {:8.2f} ({:.2f}, {:.2f})  {:>10} {:6.0f} % {:7.1f} %  {}\n",
      row.depth, row.sequences, row.prefill.median, row.first_token_seconds, row.decode.median,
      row.decode.slowest, row.decode.best, format_bytes(row.bytes()),
      100 * row.decode.median * row.bytes() / bounds.bandwidth,
      bounds.peak().rate > 0 ? 100 * row.prefill.median * row.operations / bounds.peak().rate : 0.0,
      format_bytes(row.peak_bytes));
  if (row.acceptance >= 0)
    fmt::print("{:17} {:.0f} % of the guesses kept\n", "", 100 * row.acceptance);
  fflush(stdout);
}

Json row_json(const SpeedRow& row, const Bounds& bounds) {
  Json json = Json::object();
  json.set("depth", row.depth);
  json.set("sequences", row.sequences);
  json.set("prefill_tokens_per_second", row.prefill.median);
  json.set("prefill_slowest", row.prefill.slowest);
  json.set("prefill_best", row.prefill.best);
  json.set("first_token_seconds", row.first_token_seconds);
  json.set("decode_tokens_per_second", row.decode.median);
  json.set("decode_slowest", row.decode.slowest);
  json.set("decode_best", row.decode.best);
  json.set("weight_bytes_per_token", row.weight_bytes);
  json.set("cache_bytes_per_token", row.cache_bytes);
  json.set("operations_per_token", row.operations);
  json.set("share_of_memory_bandwidth", row.decode.median * row.bytes() / bounds.bandwidth);
  const double peak = bounds.peak().rate;
  json.set("prefill_share_of_peak",
           peak > 0 ? Json(row.prefill.median * row.operations / peak) : Json());
  json.set("decode_share_of_peak",
           peak > 0 ? Json(row.decode.median * row.operations / peak) : Json());
  json.set("peak_memory_bytes", row.peak_bytes);
  json.set("expert_hits", row.expert_hits >= 0 ? Json(row.expert_hits) : Json());
  json.set("disk_bytes_per_token", row.disk_bytes >= 0 ? Json(row.disk_bytes) : Json());
  json.set("acceptance", row.acceptance >= 0 ? Json(row.acceptance) : Json());
  return json;
}

Json peak_json(const Peak& peak) {
  if (peak.name.empty()) return Json();
  Json json = Json::object();
  json.set("name", peak.name);
  json.set("operations_per_second", peak.rate);
  return json;
}

// This program's own command line for one pair of --vs.
Result<std::vector<std::string>> own_words(const BenchOptions& options) {
  char path[4096];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  if (n <= 0 || n == ssize_t(sizeof path))
    return Error{"--vs: /proc/self/exe does not tell where this program is; mount /proc"};
  std::vector<std::string> words = {std::string(path, size_t(n)),
                                    "bench",
                                    options.model,
                                    "--depth",
                                    std::to_string(options.depths.front()),
                                    "--sequences",
                                    std::to_string(options.sequences.front()),
                                    "--tokens",
                                    std::to_string(options.speed.tokens),
                                    "--samples",
                                    std::to_string(options.speed.samples),
                                    "--repetitions",
                                    "1",
                                    "--cache",
                                    options.speed.model.cache,
                                    "--cache-type",
                                    options.speed.model.cache_type,
                                    "--threads",
                                    std::to_string(options.speed.model.threads)};
  if (options.speed.model.exact) words.push_back("--exact");
  if (options.speed.every_guess) words.push_back("--every-guess");
  words.insert(words.end(), {"--speculate", options.speed.model.speculate, "--draft-max",
                             std::to_string(options.speed.model.draft_max)});
  if (!options.speed.model.draft.empty())
    words.insert(words.end(), {"--draft", options.speed.model.draft});
  if (!options.prompt_file.empty())
    words.insert(words.end(), {"--prompt-file", options.prompt_file});
  if (!options.speed.model.panel_cache.empty())
    words.insert(words.end(), {"--panel-cache", options.speed.model.panel_cache});
  return words;
}

Result<void> bench_against(BenchOptions options) {
  if (options.depths.empty() && !options.prompt_file.empty())
    return Error{"--vs compares one depth; give --depth N beside --prompt-file"};
  if (options.depths.empty()) options.depths = {kDepth};
  if (options.depths.size() > 1 || options.sequences.size() > 1)
    return Error{"--vs compares one depth and one batch size; give --depth N and --sequences N"};
  Json json = Json::object();
  json.set("model", options.model);
  json.set("depth", options.depths.front());
  json.set("sequences", options.sequences.front());
  json.set("tokens", options.speed.tokens);
  const std::vector<std::string> own = TRY(own_words(options));
  json.set("vs", TRY(run_against(own, options.peer)));
  fmt::print("\n{}\n", json.dump());
  return {};
}

// A small table, and as the last line one JSON object (docs/bench.md has the fields).
Result<void> bench_model(BenchOptions options) {
  const int64_t began = monotonic_ns();
  OpenModel open = TRY(open_subject(options));
  const double load_seconds = double(monotonic_ns() - began) * 1e-9;
  open.generator.reset();  // every row makes its own
  TRY(read_prompt_file(open, options));
  const ModelConfig& config = open.model->config();
  TRY(check(options, config));
  const ModelSize size = model_size(config);
  const Bounds bounds{memory_bandwidth(*open.pool), highest_peaks(*open.pool),
                      uses_integers(options, *open.model)};
  const double read = weight_bytes_of_pass(*open.model, 1);
  const bool is_latent = choose_cache(options.speed.model.cache, *open.model) == CacheForm::latent;
  const std::string cache = is_latent ? "latent" : "expanded";
  fmt::print("{}: {} parameters, {} active; {} threads, {}; {} tokens generated, {} cache of {}\n",
             options.model, format_count(double(size.total)), format_count(double(size.active)),
             open.pool->threads(), kernels().name, options.speed.tokens, cache,
             options.speed.model.cache_type);
  fmt::print(
      "memory is read at {:.1f} GB/s and a token reads {} of weights: enough for {:.0f} tokens/s "
      "of one sequence\n",
      bounds.bandwidth * 1e-9, format_bytes(read), bounds.bandwidth / read);
  fmt::print(
      "highest rates: {:.0f} GOP/s of integers{}, {:.0f} GOP/s of floats{}; loaded in {:.2f} s\n\n",
      bounds.peaks.integer.rate * 1e-9,
      bounds.peaks.integer.name.empty() ? "" : " (" + bounds.peaks.integer.name + ")",
      bounds.peaks.floats.rate * 1e-9,
      bounds.peaks.floats.name.empty() ? "" : " (" + bounds.peaks.floats.name + ")", load_seconds);
  fmt::print(
      " depth sequences  prompt t/s first token   new t/s (slowest, best)   bytes/token  memory "
      "prompt op  peak\n");
  Json rows = Json::array();
  for (int depth : options.depths)
    for (int n : options.sequences) {
      const SpeedRow row = TRY(measure_speed(open, options.speed, depth, n));
      print_row(row, bounds);
      rows.push(row_json(row, bounds));
    }
  if (!options.training_shape.trace.empty()) TRY(trace(options, open));
  Json j = Json::object();
  j.set("model", options.model);
  j.set("parameters", size.total);
  j.set("active_parameters", size.active);
  j.set("kernels", kernels().name);
  j.set("threads", open.pool->threads());
  j.set("tokens", options.speed.tokens);
  j.set("samples", options.speed.samples);
  j.set("cache", cache);
  j.set("cache_type", options.speed.model.cache_type);
  j.set("exact", options.speed.model.exact);
  j.set("speculate", options.speed.model.speculate);
  j.set("every_guess", options.speed.every_guess);
  j.set("bytes_per_token", read);
  j.set("repetitions", options.speed.repetitions);
  j.set("load_seconds", load_seconds);
  j.set("memory_bytes_per_second", bounds.bandwidth);
  j.set("integer_peak", peak_json(bounds.peaks.integer));
  j.set("float_peak", peak_json(bounds.peaks.floats));
  j.set("uses_integers", bounds.uses_integers);
  j.set("speeds", std::move(rows));
  fmt::print("\n{}\n", j.dump());
  return {};
}

Result<void> bench(const BenchOptions& options) {
  if (options.limits) return bench_limits({options.speed.model.threads, options.file});
  if (!options.file.empty()) return Error{"--file is for --limits: the disk is measured there"};
  if (options.training)
    return bench_training(options.model, TRY(shape_of(options.model)), options.training_shape,
                          options.speed.model.threads);
  if (!options.peer.command.empty()) return bench_against(options);
  if (!options.peer.pattern.empty() || !options.peer.prefill_pattern.empty())
    return Error{"--vs-pattern is for --vs \"COMMAND\": it reads that program's output"};
  return bench_model(options);
}

}  // namespace

void add_bench(CommandGroup& commands) {
  auto [c, o] = commands.add("bench", "measure the speed of generation, or of training", bench);
  c.argument(
      "MODEL", o.model,
      fmt::format("a folder or .gguf; a name or config.json (random weights) [{}]", o.model));
  c.option("--depth,--prompt", o.depths, "N,N",
           "prompt lengths in tokens: read, then drawn from at that depth [256]")
      .comma_separated()
      .whole_number(1, 1 << 24);
  c.count("--tokens", o.speed.tokens, 2, 1 << 24, "tokens generated per sequence");
  c.count("--samples", o.speed.samples, 1, 4096, "number of sequences that share a prompt");
  c.option("--sequences", o.sequences, "N,N", "batch sizes [1,8,32]")
      .comma_separated()
      .whole_number(1, 4096);
  c.count("--repetitions", o.speed.repetitions, 1, 100, "repetitions; the median is shown");
  c.option("--prompt-file", o.prompt_file, "FILE",
           "prompts are cut from this text, and replies are greedy; - reads standard input "
           "[random tokens]; --depth is the whole text then, unless given");
  add_speculation_options(c, o.speed.model);
  c.flag("--every-guess", o.speed.every_guess,
         "verify every guess, also where none pays: for their acceptance, not for speed");
  add_plain_model_options(c, o.speed.model);
  c.option("--vs", o.peer.command, "COMMAND",
           "run this program and weir in turn, and show the ratios of their speeds");
  c.count("--pairs", o.peer.pairs, 5, 1000, "--vs: pairs of runs");
  c.option("--vs-pattern", o.peer.pattern, "REGEX",
           "--vs: its first group is the program's tokens/s [llama-bench -o json, weir bench]");
  c.option("--vs-prefill-pattern", o.peer.prefill_pattern, "REGEX",
           "--vs: the same for prompt tokens/s");
  c.flag("--limits", o.limits, "measure the machine alone: memory, arithmetic, threads, disk");
  c.option("--file", o.file, "FILE", "--limits: a file on the disk to measure, with direct I/O");
  c.flag("--training", o.training, "measure training steps instead");
  c.count("--step-tokens", o.training_shape.step_tokens, 1, 1 << 24, "training: tokens per step");
  c.count("--sequence-length", o.training_shape.sequence_length, 1, 1 << 24,
          "training: tokens per sequence");
  c.option("--trace", o.training_shape.trace, "FILE",
           "write a profile of one more repetition, for ui.perfetto.dev");
}

}  // namespace weir
