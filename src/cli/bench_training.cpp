#include "cli/bench_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "base/zones.h"
#include "config/size.h"
#include "model/model.h"
#include "ops/matmul.h"
#include "tensor/packed.h"
#include "train/train_loss.h"
#include "train/training_memory.h"

namespace weir {
namespace {

struct Spread {
  double median = 0, low = 0, high = 0;  // seconds
};

// Repeats `work` for about `seconds`, at least five times after one warm-up.
template <class Work>
Spread time_of(double seconds, const Work& work) {
  constexpr size_t kTimesMax = 100'000;
  work();
  std::vector<double> times;
  const int64_t began = monotonic_ns();
  while (times.size() < 5 ||
         (double(monotonic_ns() - began) < seconds * 1e9 && times.size() < kTimesMax)) {
    int64_t start = monotonic_ns();
    work();
    times.push_back(double(monotonic_ns() - start) * 1e-9);
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times.front(), times.back()};
}

constexpr double kSeconds = 2;  // of each measurement

// A product whose operands stay in the first-level cache, on every thread.
double multiply_limit(ThreadPool& pool) {
  constexpr int kRows = 84, kInner = 128, kRepeats = 256;
  constexpr size_t kLeft = kRows * kInner, kRight = kInner * kPanel, kOut = kRows * kPanel;
  constexpr size_t kPerThread = kLeft + kRight + kOut + kGemmScratch;
  Buffer memory(kPerThread * size_t(pool.threads()) * sizeof(float));
  Spread s = time_of(kSeconds, [&] {
    pool.parallel_for(pool.threads(), [&](int task, int) {
      float* p = memory.floats() + kPerThread * size_t(task);
      Gemm g{};
      g.left = p, g.left_row = kInner, g.left_inner = 1;
      g.panels = p + kLeft, g.panel_stride = kRight, g.inner_stride = kPanel;
      g.out = p + kLeft + kRight, g.out_row = kPanel;
      g.rows = kRows, g.cols = kPanel, g.inner = kInner;
      g.scratch = p + kLeft + kRight + kOut;
      for (int i = 0; i < kRepeats; ++i) kernels().gemm(g);
    });
  });
  return 2.0 * kRows * kPanel * kInner * kRepeats * pool.threads() / s.median;
}

// x W^T, dy W and dy^T x of one projection, its weight packed anew, as a training step does.
double product_rate(ThreadPool& pool, int tokens, int outputs, int inputs) {
  Arena arena(size_t(1) << 34);
  Buffer weight(size_t(outputs) * size_t(inputs) * sizeof(float)), gradient(weight.size());
  Parameter parameter;
  parameter.rows = outputs, parameter.cols = inputs;
  parameter.data = weight.floats(), parameter.grad = gradient.floats();
  Matrix w = Matrix::of(parameter);
  Packed packed(w, true);
  w.packed = &packed;
  auto rows = [&](int cols) {
    Rows r{arena.floats(size_t(tokens) * size_t(cols)), size_t(cols), tokens, cols};
    std::memset(r.data, 0, size_t(tokens) * size_t(cols) * sizeof(float));
    return r;
  };
  Rows x = rows(inputs), dx = rows(inputs), y = rows(outputs);
  Workers workers{&arena, &pool};
  Spread s = time_of(kSeconds, [&] {
    packed.source_changed();
    packed.pack(pool);
    multiply(workers, {x}, w, {}, y, false);
    multiply_transposed(workers, y, w, {}, dx, false);
    accumulate_outer(workers, y, {x}, {}, w.grad());
  });
  return 6.0 * tokens * outputs * inputs / s.median;
}

// Forward, loss and backward of one batch of random tokens.
Spread step_time(const TrainingBench& o, Model& model, ThreadPool& pool, double seconds) {
  TrainingBatch batch;
  Random random(1, 1);
  for (int t = 0; t < o.step_tokens; ++t) {
    batch.tokens.push_back(int(random.below(uint64_t(model.config().vocab_size))));
    batch.targets.push_back(int(random.below(uint64_t(model.config().vocab_size))));
    batch.positions.push_back(t % o.sequence_length);
    batch.sequences.push_back(t / o.sequence_length);
    batch.roots.push_back(-1);
  }
  Arena arena(size_t(1) << 38);
  CrossEntropy objective(1.0f / float(o.step_tokens));
  LossTotals totals;
  return time_of(seconds, [&] {
    const Zone zone("training step");
    model.zero_gradients();
    model.weights_changed();
    model.pack(pool);
    accumulate_gradients(model, batch, objective, {}, arena, pool, totals);
  });
}

Result<void> check(const TrainingBench& o, const ModelConfig& config) {
  if (o.sequence_length > config.max_position_embeddings)
    return Error{fmt::format("--sequence-length {} exceeds the model's context of {}",
                             o.sequence_length, config.max_position_embeddings)};
  if (o.step_tokens % o.sequence_length != 0)
    return Error{fmt::format("--step-tokens {} is no multiple of --sequence-length {}",
                             o.step_tokens, o.sequence_length)};
  return check_memory(training_memory(config, o.step_tokens, false), available_memory());
}

}  // namespace

Result<void> write_trace(const std::string& path) {
  const std::vector<ThreadZones> threads = stop_tracing();
  size_t zones = 0;
  int64_t dropped = 0;
  for (const ThreadZones& thread : threads) zones += thread.spans.size(), dropped += thread.dropped;
  TRY(write_file_atomic(path, trace_json(threads)));
  fmt::print("\ntrace: {} zones of {} threads in {} ({} earlier ones dropped)\n", zones,
             threads.size(), path, dropped);
  return {};
}

Result<void> bench_training(const std::string& name, ModelConfig config, const TrainingBench& o,
                            int threads) {
  config.num_nextn_predict_layers = 0;  // counted in neither the work nor the time
  config.dspark_target_layer_ids.clear();
  TRY(check(o, config));
  ThreadPool pool(threads);
  const ModelSize size = model_size(config);
  fmt::print(
      "{}: {} parameters, {} active; {} threads, {}; steps of {} tokens in sequences of {}\n\n",
      name, format_count(double(size.total)), format_count(double(size.active)), pool.threads(),
      kernels().name, o.step_tokens, o.sequence_length);
  const double limit = multiply_limit(pool) * 1e-9;
  fmt::print("products from the first-level cache  {:7.1f} GFLOP/s\n", limit);
  const int wide = std::max(config.intermediate_size, config.hidden_size);
  const double products = product_rate(pool, o.step_tokens, wide, config.hidden_size) * 1e-9;
  fmt::print("products of {:5} x {:4} x {:4}        {:7.1f} GFLOP/s  {:.0f} % of the line above\n",
             o.step_tokens, wide, config.hidden_size, products, 100 * products / limit);
  auto model = Model::create(config, true);
  model->initialize(1);
  const Spread step = step_time(o, *model, pool, kSeconds);
  const double flops = 3 * forward_flops_per_token(config, o.sequence_length) * o.step_tokens;
  const double rate = flops / step.median * 1e-9, tokens = o.step_tokens / step.median;
  fmt::print("forward and backward                {:7.1f} GFLOP/s  {:.0f} % of the line above\n",
             rate, 100 * rate / products);
  fmt::print(
      "                                    {:7.0f} tokens/s; a step takes {:.1f} ms ({:.1f} to "
      "{:.1f})\n",
      tokens, step.median * 1e3, step.low * 1e3, step.high * 1e3);
  if (!o.trace.empty()) {
    start_tracing();
    step_time(o, *model, pool, 0);
    TRY(write_trace(o.trace));
  }
  Json j = Json::object();
  j.set("model", name);
  j.set("kernels", kernels().name);
  j.set("threads", pool.threads());
  j.set("step_tokens", o.step_tokens);
  j.set("sequence_length", o.sequence_length);
  j.set("cache_gflops", limit);
  j.set("product_gflops", products);
  j.set("training_gflops", rate);
  j.set("training_tokens_per_second", tokens);
  fmt::print("\n{}\n", j.dump());
  return {};
}

}  // namespace weir
