// Every operation of every model, each with its formula. An operation computes its output and, when
// the run has a tape, records its own backward. Read this page first.
//
// Shapes are [rows = tokens, cols]. A weight is [outputs, inputs]. Outputs come from the run's
// arena. In f32 each output element is one fixed-order chain, so nothing here depends on the batch
// around a token, on chunking or on the number of threads.
//
// Sharing of gradients: an operation that adds to the residual stream (`add_linear`, `combine`)
// gives its output the *same* gradient memory as the residual it adds to, because d(residual)
// starts as d(output). Without a tape it adds in place. Its rule: after the call, use the output,
// never the residual.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "ops/gate.h"
#include "tensor/low_rank.h"
#include "tensor/matrix.h"
#include "tensor/run.h"

namespace weir {

// y[t] = table[token t].
Tensor embed(Run& run, const Matrix& table);
// The same for tokens given beside the batch (multi-token prediction looks one ahead). `tokens`
// must outlive the tape.
Tensor embed(Run& run, const Matrix& table, std::span<const int> tokens);

// y = x / sqrt(mean(x^2) + epsilon) * gain (Zhang and Sennrich 2019).
Tensor rms_norm(Run& run, Tensor x, const Matrix& gain, float epsilon);
// The same, written into `out` (for example columns of a concatenation).
void rms_norm_into(Run& run, Tensor x, const Matrix& gain, float epsilon, Tensor out);

// A projection: W, the bias where there is one, and the low-rank adapters of W (Hu et al. 2021): a
// row whose adapter has this projection (Run::adapters) gets scale (x A^T) B^T added, in f32, and
// with DoRA's magnitudes its numbers scaled to m / |W + scale B A| before the bias.
struct Linear {
  const Matrix* base = nullptr;  // null: the model has no such projection
  const Matrix* bias = nullptr;
  const LowRankSet* adapters = nullptr;  // null: there are none

  Linear() = default;
  Linear(const Matrix& base_, const Matrix* bias_ = nullptr) : base(&base_), bias(bias_) {}
  explicit operator bool() const { return base != nullptr; }
};
// What several projections read: x and, for those with quantized weights unless the run is exact,
// its rows quantized once. A tensor alone is quantized by each product anew.
struct Input {
  Tensor x;
  QuantizedRows quantized = {};

  Input(Tensor x_) : x(x_) {}
};
Input quantize(Run& run, Tensor x, std::initializer_list<const Linear*> readers);
// y = x W^T (+ bias) (+ adapters).
Tensor linear(Run& run, const Input& input, const Linear& w);
// y = residual + x W^T, without a bias; shares the residual's gradient (see above).
Tensor add_linear(Run& run, Tensor residual, Tensor x, const Linear& w);

// y = gate * sigmoid(gate) * up (Shazeer 2020); with a limit above 0 of gate <= limit and |up| <=
// limit, what is beyond counts as the limit (DeepSeek-V4).
Tensor swiglu(Run& run, Tensor gate, Tensor up, float limit = 0);

// y = factor x; x itself where the factor is 1.
Tensor scaled(Run& run, Tensor x, float factor);
// Multiplies row t, whose position is p, by 1 + beta ln(1 + floor(p / positions)), in place
// (Llama 4's attention temperature; transformers' get_llama_4_attn_scale). x must be fresh, as for
// rope(). beta 0: nothing.
void scale_by_position(Run& run, Tensor x, float beta, int positions);

// Angles of rotary position embedding: cos and sin [position][width / 2].
struct RopeTable {
  const float* cos = nullptr;
  const float* sin = nullptr;
  int positions = 0, width = 0;
  bool interleaved = true;  // pairs (2i, 2i+1), else (i, i + width/2)
  bool leading = false;     // the first columns of a head turn, else the last ones
};
// Rotates table.width columns of every head_width-wide group of x, in place. x must be
// fresh: its producer has not kept its values, nobody else reads the unrotated ones.
void rope(Run& run, Tensor x, int head_width, const RopeTable& table);

// y = (x - mean(x)) / sqrt(variance(x) + epsilon) * gain + bias (Ba et al. 2016). Inference only.
Tensor layer_norm(Run& run, Tensor x, const Matrix& gain, const Matrix& bias, float epsilon);

// The tokens that attention is restricted to (DeepSeek-V3.2, section 2.1): `keep` of those that a
// row sees, counted from the first it sees, ascending. Rows that see no more than `keep` have all.
struct TokenChoice {
  const int* tokens = nullptr;  // [rows][keep], not set for rows that have all; null: all have all
  int keep = 0;
  // Null when the row, which sees `visible` tokens, has all of them.
  const int* of(int row, int visible) const {
    return tokens && visible > keep ? tokens + size_t(row) * size_t(keep) : nullptr;
  }
};
struct IndexShape {
  int heads = 0, width = 0, keep = 0;
  int layer = 0;  // of the cache
};
// Whether some row of the batch sees more than `keep` tokens, its cached past included.
bool sees_more_than(const Run& run, int keep);
// Puts the indexer's keys [tokens, width] into the run's cache.
void cache_index_keys(Run& run, Tensor keys, const IndexShape& shape);
// The lightning indexer (DeepSeek-V3.2, eq. 1): for every row the `keep` tokens of the largest
//   I(t, s) = sum over heads h of weights[t][h] * relu(q[t][h] . keys[s]),
// ties to the lower position. (DeepSeek's code multiplies I by constants, which moves no rank.)
// Over the cached past when there is a cache, which must hold the batch's keys already. `tokens`
// has room for [rows][keep]. The choice has no gradient.
TokenChoice choose_tokens(Run& run, Tensor q, Tensor keys, Tensor weights, const IndexShape& shape,
                          int* tokens);

// Causal attention of each segment of the batch over itself and, a branch, over its root's rows (no
// cache), or over the cached past and itself (cache in expanded form). Query head h uses key/value
// head h / (heads / kv_heads).
//   score(t, u) = scale * (q_own . k_own[u] + q_shared . k_shared[u]),  y[t] = sum_u softmax(score)
//   v[u]
// Head h of q: own columns, then shared ones. Keys of kv head g: keys columns [g * key_step, +
// own). Shared keys (MLA's rotary part): one row for all heads, [tokens, shared]; empty when shared
// == 0. Values: columns [g * value_step + value_offset, + value). keys and values may be one
// tensor. The softmax is over the whole row: scores of one query are complete before exp, so blocks
// of keys do not change the bits; backward recomputes the probabilities instead of keeping them.
// With a choice, u runs over the chosen tokens only: the others' probabilities are exactly 0.
struct AttentionShape {
  int heads = 0, kv_heads = 0;
  int own = 0, shared = 0, value = 0;
  int key_step = 0, value_step = 0, value_offset = 0;
  float scale = 1;
  int layer = 0;  // of the cache
};
Tensor attend(Run& run, Tensor q, Tensor keys, Tensor shared_keys, Tensor values,
              const AttentionShape& shape, const TokenChoice& choice = {});

// The same function of MLA in absorbed form over a cache of latent rows (DeepSeek-V2,
// section 2.1.2: W^UK is absorbed into the query, W^UV applied after the sum). Inference only.
// latent [tokens, rank] is normalised, k_rope [tokens, rope] rotated; kv_b [heads * (nope + value),
// rank].
Tensor attend_latent(Run& run, Tensor q, Tensor latent, Tensor k_rope, const Matrix& kv_b,
                     const AttentionShape& shape, const TokenChoice& choice = {});

// The experts chosen for every token, and the same choice grouped by expert.
struct Routing {
  const int* expert = nullptr;  // [tokens * per_token], slots in order of falling score
  Tensor weight;                // [tokens, per_token]
  const int* token = nullptr;   // [tokens * per_token] grouped row -> token
  const int* row = nullptr;     // [tokens * per_token] token * per_token + slot -> grouped row
  const int* begin = nullptr;   // [experts + 1] grouped rows of each expert
  int tokens = 0, experts = 0, per_token = 0;
};
// Chooses by score (softmax or sigmoid of the logits) plus `bias` (may be null; used for choosing
// only), ties to the lower index; weights are the unbiased scores, normalised and scaled as the
// shape says (DeepSeek-V2 eq. 20-22, DeepSeek-V3 eq. 12-16). Adds the sequence-wise balance loss
// (V3 eq. 17-20, per segment - of a branch its own rows -, averaged over segments) to run.aux_loss,
// its gradient to the logits' gradient. Rows whose experts run.routing.kept has use those, in its
// order; weights, balance loss and gradients are then of the present scores of the kept experts.
// With a table [vocabulary, per_token] of experts, f32, a row's token chooses (DeepSeek-V4, section
// 2.1); the weights are those of the scores all the same.
Routing route(Run& run, Tensor logits, const float* bias, const GateShape& shape,
              const Matrix* table = nullptr);

// y[r] = W_e x[token(r)] for the grouped rows r of expert e; w has one group per expert.
Tensor expert_linear_gather(Run& run, const Input& input, const Routing& routing, const Linear& w);
// y[r] = W_e x[r].
Tensor expert_linear(Run& run, Tensor x, const Routing& routing, const Linear& w);
// y[t] = residual[t] + sum over slots j of weight[t][j] * parts[row(t, j)], in slot order; shares
// the residual's gradient.
Tensor combine(Run& run, Tensor residual, Tensor parts, const Routing& routing);

// What the loss of one token is, as a function of its log-probability. Returns the loss and sets
// its derivative. Called once per counted row, from one thread, in row order.
class TokenObjective {
 public:
  virtual ~TokenObjective() = default;
  virtual double evaluate(int row, float log_probability, float& slope) = 0;
};

// Next-token cross entropy with one weight for all rows, for example 1 / counted rows.
class CrossEntropy final : public TokenObjective {
 public:
  explicit CrossEntropy(float weight) : weight_(weight) {}
  double evaluate(int, float log_probability, float& slope) override {
    slope = -weight_;
    return -double(weight_) * double(log_probability);
  }

 private:
  float weight_;
};

struct LossSum {
  double loss = 0;          // sum of the objective
  double negative_log = 0;  // sum of -log p, unweighted, of the counted rows
  int64_t counted = 0;
};
// The end of the tape: objective of log softmax(x W^T)[target], rows with target < 0 not counted.
// Works in chunks of rows, so the logits of the whole batch never exist; with a tape the gradients
// of x and of the head are made in the same chunk (upstream derivative 1). log_probabilities (may
// be null): [rows], 0 where not counted. Logits are multiplied by `inverse_temperature` first: the
// log-probabilities are then those of the policy that samples at that temperature.
LossSum token_loss(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                   TokenObjective& objective, float* log_probabilities = nullptr,
                   float inverse_temperature = 1);
// The same with the objective CrossEntropy(weight).
LossSum cross_entropy(Run& run, Tensor x, const Matrix& head, std::span<const int> targets,
                      float weight, float* log_probabilities = nullptr);

// log(sum(exp(x))) of one row of logits, as token_loss computes it. `scratch` holds n floats.
float log_sum_exp(const float* logits, int n, float* scratch);

// Runs `body` (Tensor -> Tensor) without keeping its activations; the backward pass runs it again
// (Chen et al. 2016). Costs one more forward of the body, keeps its input and output.
template <class Body>
Tensor recompute(Run& run, const Body& body, Tensor x);

}  // namespace weir

#include "ops/recompute.h"
