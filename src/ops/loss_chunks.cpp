#include "ops/loss_chunks.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace weir {
namespace {

// Logits of one chunk stay near the cache: about 2 MiB at a vocabulary of 4096. With a larger one
// the gradient of the head, which every chunk reads and writes, decides.
int rows_per_chunk(int vocabulary) {
  int rows = (1 << 19) / (vocabulary > 0 ? vocabulary : 1);
  return rows < 128 ? 128 : rows > 1024 ? 1024 : rows;
}

struct LossChunk {
  std::span<const int> picked;  // rows of the batch, each with a target
  int rows;                     // how many
  Rows input;                   // hidden states, from the first picked row to the last
  const int* gather;            // [rows] which of them are picked; null: all
  float* gradient;              // [rows, width] of the picked ones
};

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
void find_input(LossChunk& c, Tensor x, int* offsets) {
  const int front = c.picked.front(), span = c.picked.back() - front + 1;
  c.input = {x.row(front), x.stride, span, x.cols};
  c.gather = span == c.rows ? nullptr : offsets;
  for (int r = 0; c.gather && r < c.rows; ++r) offsets[r] = c.picked[size_t(r)] - front;
}

// In the forward pass this was: z = x head. Rows that stand one after another are used in place.
void hidden_backward(const Workers& workers, const LossChunk& c, Tensor x, const Rows& slopes,
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

void chunked_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                  ChunkLoss& loss) {
  CHECK_EQ(int(targets.size()), x.rows);
  Workers workers{&run.arena, &run.pool, run.exact};
  const int vocabulary = head.rows, step = rows_per_chunk(vocabulary);
  const std::vector<int> picked = targeted_rows(targets, vocabulary);
  ArenaScope scope(run.arena);
  LossChunk c{};
  int* offsets = run.arena.array<int>(size_t(step));
  if (run.tape) c.gradient = run.arena.floats(size_t(step) * size_t(x.cols));
  float* logits_data = run.arena.floats(size_t(step) * size_t(vocabulary));
  loss.prepare(run, step, vocabulary);
  const bool adds = run.tape && x.accumulate();
  for (int row = 0; run.tape && !adds && row < x.rows; ++row)
    if (targets[size_t(row)] < 0) std::memset(x.grad_row(row), 0, sizeof(float) * size_t(x.cols));
  for (size_t begin = 0; begin < picked.size(); begin += size_t(step)) {
    c.picked = std::span(picked).subspan(begin, std::min(size_t(step), picked.size() - begin));
    c.rows = int(c.picked.size());
    find_input(c, x, offsets);
    const Rows logits{logits_data, size_t(vocabulary), c.rows, vocabulary};
    multiply(workers, {c.input, c.gather}, head, {}, logits, false);
    if (run.pool.is_dry()) continue;
    loss.evaluate(run, c.picked, logits);
    if (run.tape) hidden_backward(workers, c, x, logits, head, adds);
  }
}

}  // namespace weir
