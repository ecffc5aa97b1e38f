// Mixture of experts: scores, the choice of experts, their weights, and tokens grouped by expert.
#include "ops/gate.h"

#include <cmath>
#include <cstring>

#include "ops/matmul.h"
#include "ops/ops.h"

namespace weir {
namespace {

constexpr int kTokensPerChunk = 64;

// log(1 + e), 0 <= e <= 1, in double: 2 atanh(e / (2 + e)) as its series; own, so that machines
// with other libraries agree.
double log_of_one_plus(double e) {
  const double s = e / (2 + e), square = s * s;
  double sum = 0, power = s;
  for (int k = 1; k < 36; k += 2, power *= square) sum += power / k;
  return 2 * sum;
}

// sqrt(log(1 + exp(x))) of each number.
void sqrt_softplus(const float* x, float* y, int n) {
  for (int i = 0; i < n; ++i) y[i] = x[i] > 0 ? -x[i] : x[i];
  kernels().exp_sum(y, 0, n);
  for (int i = 0; i < n; ++i)
    y[i] = float(std::sqrt((x[i] > 0 ? double(x[i]) : 0) + log_of_one_plus(double(y[i]))));
}

// scores[e] from logits[e]; softmax over all experts, or a function of each.
void score(const GateShape& shape, const float* logits, float* scores) {
  const int n = shape.experts;
  if (shape.kind == GateKind::sigmoid) return kernels().sigmoid(logits, scores, n);
  if (shape.kind == GateKind::sqrt_softplus) return sqrt_softplus(logits, scores, n);
  std::memcpy(scores, logits, sizeof(float) * size_t(n));
  float sum = kernels().exp_sum(scores, kernels().max(logits, n), n);
  kernels().scale(1 / sum, scores, scores, n);
}

// Sets `choice` of experts in dropped groups to -infinity.
void keep_best_groups(const GateShape& shape, float* choice) {
  if (shape.group_kind == GroupKind::none || shape.groups_kept >= shape.groups) return;
  const int size = shape.experts / shape.groups;
  auto rank = [&](int group) {
    float best = -INFINITY, second = -INFINITY;
    for (int i = group * size; i < (group + 1) * size; ++i) {
      if (choice[i] > best)
        second = best, best = choice[i];
      else if (choice[i] > second)
        second = choice[i];
    }
    return shape.group_kind == GroupKind::max ? best : best + second;
  };
  CHECK_LE(shape.groups, 256);
  float ranks[256];
  bool kept[256] = {};
  for (int g = 0; g < shape.groups; ++g) ranks[g] = rank(g);
  for (int k = 0; k < shape.groups_kept; ++k) {
    int best = -1;
    for (int g = 0; g < shape.groups; ++g)
      if (!kept[g] && (best < 0 || ranks[g] > ranks[best])) best = g;
    kept[best] = true;
  }
  for (int g = 0; g < shape.groups; ++g)
    if (!kept[g])
      for (int i = g * size; i < (g + 1) * size; ++i) choice[i] = -INFINITY;
}

// Chooses per_token experts, best first, ties to the lower index; destroys `choice`.
void choose(const GateShape& shape, float* choice, int* expert) {
  for (int j = 0; j < shape.per_token; ++j) {
    int best = -1;
    for (int e = 0; e < shape.experts; ++e)
      if (!std::isnan(choice[e]) && (best < 0 || choice[e] > choice[best])) best = e;
    if (best < 0) best = 0;  // every score is NaN: any valid expert, the loss reports the NaN
    expert[j] = best;
    choice[best] = std::nanf("");
  }
}

// One gate's part of the traces of a pass; null where there is none.
class GateRouting {
 public:
  GateRouting(const RoutingUse& use, const GateShape& shape, int rows)
      : kept_(in_use(use.kept, shape, rows)),
        own_(in_use(use.own, shape, rows)),
        layer_(shape.index) {}

  const uint16_t* kept(int row) const {
    return kept_ && !kept_->is_free(row, layer_) ? kept_->at(row, layer_) : nullptr;
  }
  uint16_t* own(int row) const { return own_ ? own_->at(row, layer_) : nullptr; }

 private:
  template <class Trace>
  static Trace* in_use(Trace* trace, const GateShape& shape, int rows) {
    if (!trace || shape.index >= trace->layers()) return nullptr;
    CHECK_EQ(trace->rows(), rows);
    CHECK_EQ(trace->per_token(), shape.per_token);
    CHECK_LE(shape.experts, int(RoutingTrace::kFree));
    return trace;
  }

  const RoutingTrace* kept_;
  RoutingTrace* own_;
  int layer_;
};

// The experts of one row: the kept ones, else the gate's own choice; `choice` is scratch.
void choose_or_keep(const GateShape& shape, const float* scores, const float* bias,
                    const uint16_t* kept, uint16_t* own, float* choice, int* expert) {
  if (!kept || own) {
    if (bias)
      kernels().add(scores, bias, choice, shape.experts);
    else
      std::memcpy(choice, scores, sizeof(float) * size_t(shape.experts));
    keep_best_groups(shape, choice);
    choose(shape, choice, expert);
  }
  if (own)
    for (int j = 0; j < shape.per_token; ++j) own[j] = uint16_t(expert[j]);
  if (!kept) return;
  for (int j = 0; j < shape.per_token; ++j) {
    CHECK_LT(int(kept[j]), shape.experts);
    expert[j] = kept[j];
  }
}

// The experts of a row whose token chooses. Whoever filled the table checked it.
void look_up(const GateShape& shape, const Matrix& table, int token, const uint16_t* kept,
             uint16_t* own, int* expert) {
  CHECK_LT(token, table.rows);
  const float* row = table.f32() + size_t(token) * size_t(table.cols);
  for (int j = 0; j < shape.per_token; ++j) {
    const int found = int(row[j]);
    CHECK(found >= 0 && found < shape.experts);
    if (own) own[j] = uint16_t(found);
    expert[j] = kept ? int(kept[j]) : found;
    CHECK_LT(expert[j], shape.experts);
  }
}

// 1 / divisor of the chosen scores: their sum plus 1e-20 when normalised (DeepSeek-V3 remote code).
// DeepSeek-V2's code scales only when it does not normalise; V3 always scales.
float weight_factor(const GateShape& shape, const float* scores, const int* expert) {
  if (!shape.normalize) return shape.scale;
  float sum = 0;
  for (int j = 0; j < shape.per_token; ++j) sum += scores[expert[j]];
  return (shape.kind == GateKind::softmax ? 1 : shape.scale) / (sum + 1e-20f);
}

// Stable grouping of (token, slot) pairs by expert.
void group_by_expert(Run& run, Routing& r) {
  Arena& arena = run.arena;
  const int pairs = r.tokens * r.per_token;
  int* begin = arena.array<int>(size_t(r.experts) + 1);
  int* token = arena.array<int>(size_t(pairs));
  int* row = arena.array<int>(size_t(pairs));
  ArenaScope scope(arena);
  int* next = arena.array<int>(size_t(r.experts));
  run.pool.run_here([&] {
    std::memset(begin, 0, sizeof(int) * (size_t(r.experts) + 1));
    for (int i = 0; i < pairs; ++i) ++begin[r.expert[i] + 1];
    for (int e = 0; e < r.experts; ++e) begin[e + 1] += begin[e];
    std::memcpy(next, begin, sizeof(int) * size_t(r.experts));
    for (int i = 0; i < pairs; ++i) {
      row[i] = next[r.expert[i]]++;
      token[row[i]] = i / r.per_token;
    }
  });
  r.begin = begin;
  r.token = token;
  r.row = row;
}

// Sequence-wise balance loss (DeepSeek-V3, eq. 17-20): alpha * sum_i f_i P_i per sequence of T
// tokens, f_i = E / (k T) * tokens that chose i, P_i = mean over tokens of the normalised score
// s'_i; here the mean over segments. Gradient reaches the scores through P only.
double balance_loss(const GateShape& shape, const Batch& batch, const float* scores,
                    const Routing& r) {
  std::vector<double> f(size_t(shape.experts)), p(size_t(shape.experts));
  double total = 0;
  for (const Segment& s : batch.segments()) {
    std::fill(f.begin(), f.end(), 0);
    std::fill(p.begin(), p.end(), 0);
    for (int t = s.begin; t < s.begin + s.count; ++t) {
      const float* row = scores + size_t(t) * size_t(shape.experts);
      double sum = 1e-20;
      for (int e = 0; e < shape.experts; ++e) sum += double(row[e]);
      for (int e = 0; e < shape.experts; ++e) p[size_t(e)] += double(row[e]) / sum / s.count;
      for (int j = 0; j < r.per_token; ++j)
        f[size_t(r.expert[t * r.per_token + j])] +=
            double(shape.experts) / (double(r.per_token) * s.count);
    }
    for (int e = 0; e < shape.experts; ++e) total += f[size_t(e)] * p[size_t(e)];
  }
  return double(shape.balance_weight) * total / double(batch.segments().size());
}

// dscores += gradient of the balance loss times `upstream`, for every row of the batch.
void balance_backward(const GateShape& shape, const Batch& batch, const float* scores,
                      const Routing& r, float upstream, float* dscores) {
  std::vector<float> f(size_t(shape.experts));
  const float each = upstream * shape.balance_weight / float(batch.segments().size());
  for (const Segment& s : batch.segments()) {
    std::fill(f.begin(), f.end(), 0.f);
    for (int i = s.begin * r.per_token; i < (s.begin + s.count) * r.per_token; ++i)
      f[size_t(r.expert[i])] += float(shape.experts) / (float(r.per_token) * float(s.count));
    for (int t = s.begin; t < s.begin + s.count; ++t) {
      const float* row = scores + size_t(t) * size_t(shape.experts);
      float* d = dscores + size_t(t) * size_t(shape.experts);
      float sum = 1e-20f, mean = 0;
      for (int e = 0; e < shape.experts; ++e) sum += row[e];
      for (int e = 0; e < shape.experts; ++e) mean += f[size_t(e)] * row[e] / sum;
      for (int e = 0; e < shape.experts; ++e)
        d[e] += each / float(s.count) * (f[size_t(e)] - mean) / sum;
    }
  }
}

// In the forward pass this was: w_j = s[e_j] * c / (sum of chosen s + 1e-20), or s[e_j] * c.
void weights_backward(const GateShape& shape, const float* scores, const int* expert,
                      const float* weight, const float* dweight, float* dscores) {
  float factor = weight_factor(shape, scores, expert), mixed = 0;
  if (shape.normalize) {
    float sum = 1e-20f;
    for (int j = 0; j < shape.per_token; ++j) {
      mixed += dweight[j] * weight[j];
      sum += scores[expert[j]];
    }
    mixed /= sum;
  }
  for (int j = 0; j < shape.per_token; ++j) dscores[expert[j]] += dweight[j] * factor - mixed;
}

// In the forward pass this was: s = sigmoid(z), softmax(z) or sqrt(log(1 + exp(z))).
void score_backward(const GateShape& shape, const float* logits, const float* scores,
                    const float* ds, float* dlogits, bool add) {
  if (shape.kind == GateKind::sqrt_softplus) {
    for (int e = 0; e < shape.experts; ++e) {
      float slope;
      kernels().sigmoid(logits + e, &slope, 1);
      slope = scores[e] > 0 ? ds[e] * slope / (2 * scores[e]) : 0;
      dlogits[e] = add ? dlogits[e] + slope : slope;
    }
    return;
  }
  float total = 0;
  if (shape.kind == GateKind::softmax)
    for (int e = 0; e < shape.experts; ++e) total += ds[e] * scores[e];
  for (int e = 0; e < shape.experts; ++e) {
    float slope = shape.kind == GateKind::softmax ? scores[e] * (ds[e] - total)
                                                  : ds[e] * scores[e] * (1 - scores[e]);
    dlogits[e] = add ? dlogits[e] + slope : slope;
  }
}

struct RouteState {
  Tensor logits;
  Routing routing;
  GateShape shape;
  const float* scores;  // [tokens, experts]
  const Batch* batch;
  float aux_scale;
};

void route_backward(Workers workers, const RouteState& s) {
  const int experts = s.shape.experts, k = s.shape.per_token;
  ArenaScope scope(*workers.arena);
  size_t size = size_t(s.logits.rows) * size_t(experts);
  float* ds = workers.arena->floats(size);
  std::memset(ds, 0, sizeof(float) * size);
  if (s.shape.balance_weight > 0)
    balance_backward(s.shape, *s.batch, s.scores, s.routing, s.aux_scale, ds);
  bool weighted = s.routing.weight.reached(), add = s.logits.accumulate();
  for_chunks(*workers.pool, s.logits.rows, kTokensPerChunk, [&](int begin, int end, int) {
    for (int t = begin; t < end; ++t) {
      const float* scores = s.scores + size_t(t) * size_t(experts);
      float* d = ds + size_t(t) * size_t(experts);
      if (weighted)
        weights_backward(s.shape, scores, s.routing.expert + size_t(t) * size_t(k),
                         s.routing.weight.row(t), s.routing.weight.grad_row(t), d);
      score_backward(s.shape, s.logits.row(t), scores, d, s.logits.grad_row(t), add);
    }
  });
}

}  // namespace

Routing route(Run& run, Tensor logits, const float* bias, const GateShape& shape,
              const Matrix* table) {
  const Zone zone("route");
  if (table) CHECK_EQ(table->cols, shape.per_token);
  CHECK_EQ(logits.cols, shape.experts);
  CHECK_LE(shape.per_token, shape.experts);
  const int k = shape.per_token, experts = shape.experts;
  float* scores = run.arena.floats(size_t(logits.rows) * size_t(experts));
  int* chosen = run.arena.array<int>(size_t(logits.rows) * size_t(k));
  Routing r;
  r.tokens = logits.rows, r.experts = experts, r.per_token = k;
  r.expert = chosen;
  r.weight = run.make(logits.rows, k);
  const GateRouting routing(run.routing, shape, logits.rows);
  {
    ArenaScope scope(run.arena);
    float* choices = run.arena.floats(size_t(experts) * size_t(run.pool.threads()));
    for_chunks(run.pool, logits.rows, kTokensPerChunk, [&](int begin, int end, int thread) {
      float* choice = choices + size_t(thread) * size_t(experts);
      for (int t = begin; t < end; ++t) {
        float* s = scores + size_t(t) * size_t(experts);
        int* expert = chosen + size_t(t) * size_t(k);
        score(shape, logits.row(t), s);
        if (table)
          look_up(shape, *table, run.batch.tokens()[size_t(t)], routing.kept(t), routing.own(t),
                  expert);
        else
          choose_or_keep(shape, s, bias, routing.kept(t), routing.own(t), choice, expert);
        float factor = weight_factor(shape, s, expert);
        for (int j = 0; j < k; ++j) r.weight.row(t)[j] = s[expert[j]] * factor;
      }
    });
  }
  group_by_expert(run, r);
  if (shape.balance_weight > 0) run.aux_loss += balance_loss(shape, run.batch, scores, r);
  RouteState state{logits, r, shape, scores, &run.batch, run.aux_scale};
  run.record([state, workers = Workers{&run.arena, &run.pool}] { route_backward(workers, state); });
  return r;
}

}  // namespace weir
