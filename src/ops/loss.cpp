// The end of the tape: log-probabilities of targets and their loss, in chunks of rows, so that the
// logits of a whole batch never exist.
#include <cmath>
#include <cstring>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

// Logits of one chunk stay near the cache: about 2 MiB at a vocabulary of 4096.
int rows_per_chunk(int vocabulary) {
  int rows = (1 << 19) / (vocabulary > 0 ? vocabulary : 1);
  return rows < 32 ? 32 : rows > 1024 ? 1024 : rows;
}

struct Chunk {
  int begin, rows;
  float inverse_temperature;
  float* logits;    // [rows, vocabulary]; exponentials after statistics()
  float* inverse;   // [rows] 1 / sum of exponentials
  float* log_prob;  // [rows]
  float* slope;     // [rows] d objective / d log p
};

// log p of the targets; leaves exp(logit - top) in the logits.
void statistics(ThreadPool& pool, const Chunk& c, std::span<const int> targets, int vocabulary) {
  for_chunks(pool, c.rows, 4, [&](int begin, int end, int) {
    for (int r = begin; r < end; ++r) {
      float* row = c.logits + size_t(r) * size_t(vocabulary);
      int target = targets[size_t(c.begin + r)];
      if (c.inverse_temperature != 1) kernels().scale(c.inverse_temperature, row, row, vocabulary);
      float top = kernels().max(row, vocabulary);
      float at_target = target >= 0 ? row[target] : 0;
      float sum = kernels().exp_sum(row, top, vocabulary);
      c.inverse[r] = 1 / sum;
      c.log_prob[r] = target >= 0 ? at_target - (top + float(std::log(double(sum)))) : 0;
    }
  });
}

// In the forward pass this was: log p = f z[target] - log sum exp(f z), f = inverse temperature.
// dz = f * slope * (onehot - softmax(f z)).
void logits_backward(ThreadPool& pool, const Chunk& c, std::span<const int> targets,
                     int vocabulary) {
  for_chunks(pool, c.rows, 4, [&](int begin, int end, int) {
    for (int r = begin; r < end; ++r) {
      float* row = c.logits + size_t(r) * size_t(vocabulary);
      int target = targets[size_t(c.begin + r)];
      if (target < 0) {
        std::memset(row, 0, sizeof(float) * size_t(vocabulary));
        continue;
      }
      const float slope = c.inverse_temperature * c.slope[r];
      kernels().scale(-slope * c.inverse[r], row, row, vocabulary);
      row[target] += slope;
    }
  });
}

}  // namespace

LossSum token_loss(Run& run, Tensor x, const Weight& head, std::span<const int> targets,
                   TokenObjective& objective, float* log_probabilities, float inverse_temperature) {
  CHECK_EQ(int(targets.size()), x.rows);
  Workers workers{&run.arena, &run.pool, run.exact};
  const int vocabulary = head.rows, step = rows_per_chunk(vocabulary);
  ArenaScope scope(run.arena);
  Chunk c{};
  c.inverse_temperature = inverse_temperature;
  c.logits = run.arena.floats(size_t(step) * size_t(vocabulary));
  c.inverse = run.arena.floats(size_t(step));
  c.log_prob = run.arena.floats(size_t(step));
  c.slope = run.arena.floats(size_t(step));
  bool add = run.tape && x.accumulate();
  LossSum sum;
  for (c.begin = 0; c.begin < x.rows; c.begin += step) {
    c.rows = x.rows - c.begin < step ? x.rows - c.begin : step;
    Rows rows{x.row(c.begin), x.stride, c.rows, x.cols};
    Rows logits{c.logits, size_t(vocabulary), c.rows, vocabulary};
    multiply(workers, rows, nullptr, head, 0, logits, false);
    statistics(run.pool, c, targets, vocabulary);
    for (int r = 0; r < c.rows; ++r) {
      int row = c.begin + r;
      c.slope[r] = 0;
      if (log_probabilities) log_probabilities[row] = c.log_prob[r];
      if (targets[size_t(row)] < 0) continue;
      CHECK_LT(targets[size_t(row)], vocabulary);
      sum.loss += objective.evaluate(row, c.log_prob[r], c.slope[r]);
      sum.negative_log -= double(c.log_prob[r]);
      ++sum.counted;
    }
    if (!run.tape) continue;
    logits_backward(run.pool, c, targets, vocabulary);
    multiply_transposed(workers, logits, head, 0, {x.grad_row(c.begin), x.stride, c.rows, x.cols},
                        add);
    if (head.grad) accumulate_outer(workers, logits, rows, nullptr, head.grad);
  }
  return sum;
}

LossSum cross_entropy(Run& run, Tensor x, const Weight& head, std::span<const int> targets,
                      float weight, float* log_probabilities) {
  struct CrossEntropy : TokenObjective {
    float weight;
    double evaluate(int, float log_probability, float& slope) override {
      slope = -weight;
      return -double(weight) * double(log_probability);
    }
  } objective;
  objective.weight = weight;
  return token_loss(run, x, head, targets, objective, log_probabilities);
}

float log_sum_exp(const float* logits, int n, float* scratch) {
  std::memcpy(scratch, logits, sizeof(float) * size_t(n));
  float top = kernels().max(logits, n);
  return top + float(std::log(double(kernels().exp_sum(scratch, top, n))));
}

}  // namespace weir
