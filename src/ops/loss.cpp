// The end of the tape: log-probabilities of targets and their loss, in chunks of rows, so that the
// logits of a whole batch never exist. Rows without a target (questions) are left out: with a large
// vocabulary they would cost a third of a step.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

// Logits of one chunk stay near the cache: about 2 MiB at a vocabulary of 4096. With a larger one
// the gradient of the head, which every chunk reads and writes, decides.
int rows_per_chunk(int vocabulary) {
  int rows = (1 << 19) / (vocabulary > 0 ? vocabulary : 1);
  return rows < 128 ? 128 : rows > 1024 ? 1024 : rows;
}

struct Chunk {
  std::span<const int> picked;  // rows of the batch, each with a target
  int rows;                     // how many
  float inverse_temperature;
  Rows input;         // hidden states, from the first picked row to the last
  const int* gather;  // [rows] which of them are picked; null: all
  float* gradient;    // [rows, width] of the picked ones
  float* logits;      // [rows, vocabulary]; exponentials after statistics()
  float* inverse;     // [rows] 1 / sum of exponentials
  float* log_prob;    // [rows]
  float* slope;       // [rows] d objective / d log p
};

// log p of the targets; leaves exp(logit - top) in the logits.
void statistics(ThreadPool& pool, const Chunk& c, std::span<const int> targets, int vocabulary) {
  for_chunks(pool, c.rows, 4, [&](int begin, int end, int) {
    for (int r = begin; r < end; ++r) {
      float* row = c.logits + size_t(r) * size_t(vocabulary);
      int target = targets[size_t(c.picked[size_t(r)])];
      if (c.inverse_temperature != 1) kernels().scale(c.inverse_temperature, row, row, vocabulary);
      float top = kernels().max(row, vocabulary);
      float at_target = row[target];
      float sum = kernels().exp_sum(row, top, vocabulary);
      c.inverse[r] = 1 / sum;
      c.log_prob[r] = at_target - (top + float(std::log(double(sum))));
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
      int target = targets[size_t(c.picked[size_t(r)])];
      const float slope = c.inverse_temperature * c.slope[r];
      kernels().scale(-slope * c.inverse[r], row, row, vocabulary);
      row[target] += slope;
    }
  });
}

// Rows of the batch that have a target; the others have no loss and no gradient.
std::vector<int> targeted_rows(std::span<const int> targets, int vocabulary) {
  std::vector<int> picked;
  for (size_t row = 0; row < targets.size(); ++row) {
    if (targets[row] < 0) continue;
    CHECK_LT(targets[row], vocabulary);
    picked.push_back(int(row));
  }
  return picked;
}

// The rows of the chunk in x. `offsets` has room for them.
void find_input(Chunk& c, Tensor x, int* offsets) {
  const int front = c.picked.front(), span = c.picked.back() - front + 1;
  c.input = {x.row(front), x.stride, span, x.cols};
  c.gather = span == c.rows ? nullptr : offsets;
  for (int r = 0; c.gather && r < c.rows; ++r) offsets[r] = c.picked[size_t(r)] - front;
}

// In the forward pass this was: z = x head. Rows that stand one after another are used in place.
void hidden_backward(const Workers& workers, const Chunk& c, Tensor x, const Rows& slopes,
                     const Matrix& head, bool adds) {
  if (head.grad()) accumulate_outer(workers, slopes, {c.input, c.gather}, {}, head.grad());
  if (!c.gather)
    return multiply_transposed(workers, slopes, head, {},
                               {x.grad_row(c.picked.front()), x.stride, c.rows, x.cols}, adds);
  multiply_transposed(workers, slopes, head, {}, {c.gradient, size_t(x.cols), c.rows, x.cols},
                      false);
  for_chunks(*workers.pool, c.rows, row_grain(x.cols), [&](int begin, int end, int) {
    for (int r = begin; r < end; ++r) {
      float* to = x.grad_row(c.picked[size_t(r)]);
      const float* from = c.gradient + size_t(r) * size_t(x.cols);
      if (adds)
        kernels().add(to, from, to, x.cols);
      else
        std::memcpy(to, from, sizeof(float) * size_t(x.cols));
    }
  });
}

}  // namespace

LossSum token_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                   TokenObjective& objective, float* log_probabilities, float inverse_temperature) {
  const Zone zone("token_loss");
  CHECK_EQ(int(targets.size()), x.rows);
  Workers workers{&run.arena, &run.pool, run.exact};
  const int vocabulary = head.rows, step = rows_per_chunk(vocabulary);
  const std::vector<int> picked = targeted_rows(targets, vocabulary);
  ArenaScope scope(run.arena);
  Chunk c{};
  c.inverse_temperature = inverse_temperature;
  int* offsets = run.arena.array<int>(size_t(step));
  if (run.tape) c.gradient = run.arena.floats(size_t(step) * size_t(x.cols));
  c.logits = run.arena.floats(size_t(step) * size_t(vocabulary));
  c.inverse = run.arena.floats(size_t(step));
  c.log_prob = run.arena.floats(size_t(step));
  c.slope = run.arena.floats(size_t(step));
  const bool adds = run.tape && x.accumulate();
  for (int row = 0; row < x.rows; ++row) {
    if (targets[size_t(row)] >= 0) continue;
    if (log_probabilities) log_probabilities[row] = 0;
    if (run.tape && !adds) std::memset(x.grad_row(row), 0, sizeof(float) * size_t(x.cols));
  }
  LossSum sum;
  for (size_t begin = 0; begin < picked.size(); begin += size_t(step)) {
    c.picked = std::span(picked).subspan(begin, std::min(size_t(step), picked.size() - begin));
    c.rows = int(c.picked.size());
    find_input(c, x, offsets);
    Rows logits{c.logits, size_t(vocabulary), c.rows, vocabulary};
    multiply(workers, {c.input, c.gather}, head, {}, logits, false);
    if (run.pool.is_dry()) continue;
    statistics(run.pool, c, targets, vocabulary);
    for (int r = 0; r < c.rows; ++r) {
      const int row = c.picked[size_t(r)];
      c.slope[r] = 0;
      if (log_probabilities) log_probabilities[row] = c.log_prob[r];
      sum.loss += objective.evaluate(row, c.log_prob[r], c.slope[r]);
      sum.negative_log -= double(c.log_prob[r]);
      ++sum.counted;
    }
    if (!run.tape) continue;
    logits_backward(run.pool, c, targets, vocabulary);
    hidden_backward(workers, c, x, logits, head, adds);
  }
  return sum;
}

LossSum cross_entropy(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                      float weight, float* log_probabilities) {
  CrossEntropy objective(weight);
  return token_loss(run, x, head, targets, objective, log_probabilities);
}

float log_sum_exp(const float* logits, int n, float* scratch) {
  std::memcpy(scratch, logits, sizeof(float) * size_t(n));
  float top = kernels().max(logits, n);
  return top + float(std::log(double(kernels().exp_sum(scratch, top, n))));
}

}  // namespace weir
