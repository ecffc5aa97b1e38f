// The list of operations. Whoever adds one adds its line here; every entry is checked by finite
// differences at odd sizes and over all branches. Those of DeepSeek-V4 alone are in
// compressed_gradient_test.cpp.
#include <memory>
#include <set>

#include "ops/distribution_loss.h"
#include "ops/divergence.h"
#include "testing/gradient_check.h"
#include "testing/stored_support.h"

namespace weir {
namespace {

using testing::Case;
using Inputs = std::vector<Tensor>;
using Weights = std::deque<Matrix>;

// Router logits far enough apart that no finite difference moves a token to another expert.
std::vector<float> spaced_logits(int rows, int experts) {
  Random random(3, 3);
  std::vector<float> logits(size_t(rows) * size_t(experts));
  for (int r = 0; r < rows; ++r) {
    float* row = logits.data() + size_t(r) * size_t(experts);
    for (int e = 0; e < experts; ++e) row[e] = 0.35f * float(e) - 0.17f * float(experts);
    for (int e = experts - 1; e > 0; --e) std::swap(row[e], row[random.below(uint64_t(e) + 1)]);
  }
  return logits;
}

RopeTable rope_table(int width, bool interleaved) {
  static std::deque<std::vector<float>> kept;
  const int positions = 256;
  auto& values = kept.emplace_back(size_t(positions * width));
  for (int p = 0; p < positions; ++p)
    for (int i = 0; i < width / 2; ++i) {
      double angle = p * std::pow(100.0, -2.0 * i / width);
      values[size_t(p * (width / 2) + i)] = float(std::cos(angle));
      values[size_t((positions + p) * (width / 2) + i)] = float(std::sin(angle));
    }
  return {values.data(), values.data() + positions * (width / 2), positions, width, interleaved};
}

Case attention_case(const std::string& name, AttentionShape shape, std::vector<int> lengths,
                    std::vector<int> branches = {}) {
  Case c{.name = name,
         .lengths = std::move(lengths),
         .branches = std::move(branches),
         .inputs = {},
         .weights = {},
         .forward = {}};
  int width = shape.own + shape.shared;
  c.inputs = {{"q", 0, shape.heads * width}, {"keys", 0, shape.kv_heads * shape.key_step}};
  bool joined = shape.value_offset > 0;
  if (!joined) c.inputs.push_back({"values", 0, shape.kv_heads * shape.value_step});
  if (shape.shared) c.inputs.push_back({"shared keys", 0, shape.shared});
  c.forward = [shape, joined](Run& run, Inputs& in, Weights&, double&) {
    return attend(run, in[0], in[1], shape.shared ? in.back() : Tensor{}, joined ? in[1] : in[2],
                  shape);
  };
  return c;
}

// The same over `keep` tokens a row: the first it sees, itself, and others by no rule.
Case sparse_attention_case(const std::string& name, AttentionShape shape, std::vector<int> lengths,
                           int keep, std::vector<int> branches = {}) {
  Case c = attention_case(name, shape, lengths, branches);
  branches.resize(lengths.size());
  static std::deque<std::vector<int>> kept_by_cases;
  std::vector<int>& tokens = kept_by_cases.emplace_back();
  for (size_t s = 0; s < lengths.size(); ++s)
    for (int t = branches[s]; t < branches[s] + lengths[s]; ++t) {
      std::set<int> chosen{0, t};
      Random random(8, uint64_t(t));
      while (t >= keep && int(chosen.size()) < keep) chosen.insert(int(random.below(uint64_t(t))));
      tokens.insert(tokens.end(), chosen.begin(), chosen.end());
      tokens.resize((tokens.size() + size_t(keep) - 1) / size_t(keep) * size_t(keep));
    }
  const bool joined = shape.value_offset > 0;
  c.forward = [shape, joined, keep, &tokens](Run& run, Inputs& in, Weights&, double&) {
    return attend(run, in[0], in[1], shape.shared ? in.back() : Tensor{}, joined ? in[1] : in[2],
                  shape, {tokens.data(), keep});
  };
  return c;
}

AttentionShape mla_shape(int heads, int nope, int rope, int value) {
  return {.heads = heads,
          .kv_heads = heads,
          .own = nope,
          .shared = rope,
          .value = value,
          .key_step = nope + value,
          .value_step = nope + value,
          .value_offset = nope,
          .scale = 0.3f,
          .layer = 0};
}
AttentionShape gqa_shape(int heads, int kv_heads, int width) {
  return {.heads = heads,
          .kv_heads = kv_heads,
          .own = width,
          .shared = 0,
          .value = width,
          .key_step = width,
          .value_step = width,
          .value_offset = 0,
          .scale = 0.4f,
          .layer = 0};
}

Case route_case(const std::string& name, GateShape shape, bool with_bias) {
  const int rows = 15;
  Case c{.name = name,
         .inputs = {{"logits", rows, shape.experts, 1, 0, 1, spaced_logits(rows, shape.experts)}},
         .weights = {},
         .forward = {}};
  static std::vector<float> bias(64);
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = i % 3 == 0 ? 0.2f : -0.1f;
  c.forward = [shape, with_bias](Run& run, Inputs& in, Weights&, double&) {
    return route(run, in[0], with_bias ? bias.data() : nullptr, shape).weight;
  };
  return c;
}

// Kept experts in two rows of three: any ones, whatever their scores, none of them twice in a row.
Case kept_route_case(const std::string& name, GateShape shape, bool with_bias) {
  Case c = route_case(name, shape, with_bias);
  static std::deque<RoutingTrace> kept_by_cases;
  RoutingTrace& kept = kept_by_cases.emplace_back(1, shape.per_token);
  for (int row = 0; row < c.inputs[0].rows; ++row) {
    std::vector<uint16_t> experts(size_t(shape.per_token), RoutingTrace::kFree);
    for (size_t j = 0; row % 3 > 0 && j < experts.size(); ++j)
      experts[j] = uint16_t((row * 5 + int(j) * 3) % shape.experts);
    kept.append(1, experts);
  }
  c.forward = [choose = c.forward, &kept](Run& run, Inputs& in, Weights& w, double& value) {
    run.routing.kept = &kept;
    return choose(run, in, w, value);
  };
  return c;
}

// Router, experts and combination over a residual, as a block has them.
Case experts_case() {
  const int rows = 15, experts = 5, width = 7, inner = 9;
  GateShape shape{.kind = GateKind::sigmoid, .experts = experts, .per_token = 2, .scale = 1.5f};
  Case c{.name = "experts",
         .inputs = {{"residual", rows, width},
                    {"x", rows, width},
                    {"logits", rows, experts, 1, 0, 1, spaced_logits(rows, experts)}},
         .weights = {{"gate", experts * inner, width, 0.5f, 0, experts},
                     {"up", experts * inner, width, 0.5f, 0, experts},
                     {"down", experts * width, inner, 0.5f, 0, experts}},
         .forward = {}};
  c.can_repeat = false;
  c.forward = [shape](Run& run, Inputs& in, Weights& w, double&) {
    Routing r = route(run, in[2], nullptr, shape);
    Tensor h = swiglu(run, expert_linear_gather(run, in[1], r, w[0]),
                      expert_linear_gather(run, in[1], r, w[1]));
    return combine(run, in[0], expert_linear(run, h, r, w[2]), r);
  };
  return c;
}

// Experts of the tokens that the batches of these tests have.
Case table_route_case(const std::string& name, GateShape shape) {
  Case c = route_case(name, shape, false);
  static std::deque<Matrix> tables;
  static std::deque<std::vector<float>> kept;
  auto& values = kept.emplace_back();
  for (int token = 0; token < 11; ++token)
    for (int j = 0; j < shape.per_token; ++j)
      values.push_back(float((token * 3 + j * 2) % shape.experts));
  Matrix& table = tables.emplace_back();
  table.rows = 11, table.cols = shape.per_token;
  table.parts = {values.data()};
  c.forward = [shape, &table](Run& run, Inputs& in, Weights&, double&) {
    return route(run, in[0], nullptr, shape, &table).weight;
  };
  return c;
}

const std::vector<int>& loss_targets() {
  static const std::vector<int> targets{0, 5, 10, -1, 20, 25, 30, -1, 3, 8, 13, -1, 23, 28, 36};
  return targets;
}

// Frozen weights as a file stores them pass gradients on to what they are multiplied with.
Case stored_case() {
  static testing::StoredWeight w(WeightType::q8_0, 1, 70, 96);
  return {.name = "linear, stored weight",
          .lengths = {70, 30},
          .inputs = {{"x", 0, 96}},
          .weights = {},
          .forward = [](Run& run, Inputs& in, Weights&, double&) {
            return linear(run, in[0], w.weight);
          }};
}

Case stored_experts_case() {
  const int rows = 15, experts = 5;
  static testing::StoredWeight up(WeightType::q8_0, experts, 32, 64),
      down(WeightType::q8_0, experts, 9, 32);
  GateShape shape{.kind = GateKind::sigmoid, .experts = experts, .per_token = 2, .scale = 1.5f};
  Case c{
      .name = "experts, stored weights",
      .inputs = {{"x", rows, 64}, {"logits", rows, experts, 1, 0, 1, spaced_logits(rows, experts)}},
      .weights = {},
      .forward = {}};
  c.forward = [shape](Run& run, Inputs& in, Weights&, double&) {
    Routing r = route(run, in[1], nullptr, shape);
    return expert_linear(run, expert_linear_gather(run, in[0], r, up.weight), r, down.weight);
  };
  return c;
}

// Projections with an adapter, which the model's lists keep.
struct Adapted {
  LowRank low_rank;
  LowRankSet set;
  Linear of(const Matrix& base, const Matrix& a, const Matrix& b, const Matrix* bias = nullptr) {
    low_rank = {a, b, 1.5f};
    set.of = {nullptr, &low_rank};
    Linear projection(base, bias);
    projection.adapters = &set;
    return projection;
  }
};

Case adapter_case(int rank) {
  static testing::StoredWeight w(WeightType::q8_0, 1, 70, 96);
  return {
      .name = "linear, stored weight, adapter of rank " + std::to_string(rank),
      .lengths = {70, 30},
      .inputs = {{"x", 0, 96}},
      .weights = {{"a", rank, 96, 0.3f}, {"b", 70, rank, 0.3f}},
      .forward = [kept = std::make_shared<Adapted>()](Run& run, Inputs& in, Weights& m, double&) {
        run.adapters.all = 1;
        return linear(run, in[0], kept->of(w.weight, m[0], m[1]));
      }};
}

// DoRA: the norms stay as they were, as they do in its backward pass.
Case magnitude_case(bool has_bias) {
  static testing::StoredWeight w(WeightType::q8_0, 1, 70, 96);
  return {.name = std::string("linear, stored weight, adapter with magnitudes") +
                  (has_bias ? ", bias" : ""),
          .lengths = {40, 30},
          .inputs = {{"x", 0, 96}},
          .weights = {{"a", 5, 96, 0.3f}, {"b", 70, 5, 0.3f}, {"m", 1, 70}, {"bias", 1, 70}},
          .forward = [kept = std::make_shared<Adapted>(), has_bias](Run& run, Inputs& in,
                                                                    Weights& m, double&) {
            run.adapters.all = 1;
            const Linear projection = kept->of(w.weight, m[0], m[1], has_bias ? &m[3] : nullptr);
            kept->low_rank.magnitude = m[2];
            kept->low_rank.norms.resize(70);
            for (size_t o = 0; o < 70; ++o) kept->low_rank.norms[o] = 1.5f + 0.01f * float(o);
            return linear(run, in[0], projection);
          }};
}

// Two sequences with the adapter, one without.
Case mixed_adapter_case() {
  static const std::vector<int> rows{1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  return {.name = "add_linear, adapter of some rows",
          .inputs = {{"residual", 0, 33}, {"x", 0, 5}},
          .weights = {{"w", 33, 5}, {"a", 3, 5}, {"b", 33, 3}},
          .forward =
              [kept = std::make_shared<Adapted>()](Run& run, Inputs& in, Weights& m, double&) {
                run.adapters.rows = rows;
                return add_linear(run, in[0], in[1], kept->of(m[0], m[1], m[2]));
              },
          .can_repeat = false};
}

Case expert_adapter_case() {
  const int rows = 15, experts = 5;
  static testing::StoredWeight up(WeightType::q8_0, experts, 32, 64),
      down(WeightType::q8_0, experts, 9, 32);
  GateShape shape{.kind = GateKind::sigmoid, .experts = experts, .per_token = 2, .scale = 1.5f};
  Case c{
      .name = "experts, stored weights, adapters",
      .inputs = {{"x", rows, 64}, {"logits", rows, experts, 1, 0, 1, spaced_logits(rows, experts)}},
      .weights = {{"up a", experts * 3, 64, 0.3f, 0, experts},
                  {"up b", experts * 32, 3, 0.3f, 0, experts},
                  {"down a", experts * 2, 32, 0.3f, 0, experts},
                  {"down b", experts * 9, 2, 0.3f, 0, experts}},
      .forward = {}};
  c.forward = [shape, ups = std::make_shared<Adapted>(), downs = std::make_shared<Adapted>()](
                  Run& run, Inputs& in, Weights& m, double&) {
    run.adapters.all = 1;
    Routing r = route(run, in[1], nullptr, shape);
    return expert_linear(run, expert_linear_gather(run, in[0], r, ups->of(up.weight, m[0], m[1])),
                         r, downs->of(down.weight, m[2], m[3]));
  };
  return c;
}

Case loss_case() {
  const int vocabulary = 37;
  Case c{.name = "cross_entropy",
         .inputs = {{"x", 0, 13}},
         .weights = {{"head", vocabulary, 13, 0.5f}},
         .forward = {}};
  c.forward = [](Run& run, Inputs& in, Weights& w, double& value) {
    value = cross_entropy(run, in[0], w[0], loss_targets(), 0.25f).loss;
    return Tensor{};
  };
  return c;
}

// An objective whose slope depends on the log-probability itself, as policy gradients have.
Case objective_case() {
  Case c = loss_case();
  c.name = "token_loss";
  c.forward = [](Run& run, Inputs& in, Weights& w, double& value) {
    struct Ratio : TokenObjective {
      double evaluate(int row, float log_probability, float& slope) override {
        float advantage = row % 2 ? 1.f : -0.5f, ratio = std::exp(0.3f * log_probability);
        slope = -advantage * 0.3f * ratio;
        return -double(advantage) * double(ratio);
      }
    } ratio;
    value = token_loss(run, in[0], w[0], loss_targets(), ratio).loss;
    return Tensor{};
  };
  return c;
}

// Distributions of a teacher over 37 tokens for each row of loss_targets(). Made at once: several
// threads read them.
const std::vector<std::vector<float>>& teacher_logits() {
  static const std::vector<std::vector<float>> kRows = [] {
    std::vector<std::vector<float>> rows;
    for (size_t r = 0; r < loss_targets().size(); ++r) {
      Random random(11, r);
      rows.emplace_back();
      for (int v = 0; v < 37; ++v) rows.back().push_back(1.5f * random.normal());
    }
    return rows;
  }();
  return kRows;
}

// `named`: tokens of the teacher that are known; 0: all of them.
Case divergence_case(const std::string& name, double beta, int named, DivergenceTail tail,
                     float inverse_temperature) {
  struct FromTeacher : DistributionObjective {
    double beta;
    int named;
    DivergenceTail tail;
    double evaluate(const DistributionRow& row, size_t, bool with_gradient) override {
      std::vector<float> teacher = teacher_logits()[size_t(row.index)];
      const float weight = row.index % 2 ? 0.5f : -1.25f;
      double loss;
      if (named == 0) {
        loss = divergence(row.logits, teacher, beta, with_gradient);
      } else {
        std::vector<int> tokens;
        std::vector<float> logs;
        const float rest = append_top(teacher, named, tokens, logs);
        loss = divergence(row.logits, SparseRow{tokens, logs, rest}, tail, beta, with_gradient);
      }
      for (float& slope : row.logits) slope *= weight;
      return double(weight) * loss;
    }
  };
  Case c = loss_case();
  c.name = "distribution_loss, " + name;
  c.forward = [=](Run& run, Inputs& in, Weights& w, double& value) {
    FromTeacher objective;
    objective.beta = beta, objective.named = named, objective.tail = tail;
    value =
        distribution_loss(run, in[0], w[0], loss_targets(), objective, inverse_temperature).loss;
    return Tensor{};
  };
  return c;
}

std::vector<Case> cases();

TEST(Gradient, OfEveryOperationEqualsFiniteDifferences) {
  for (Case& c : cases()) testing::GradientCheck(c).run();
}

std::vector<Case> cases() {
  std::vector<Case> all;
  auto add = [&](Case c) { all.push_back(std::move(c)); };
  add({.name = "embed",
       .inputs = {},
       .weights = {{"table", 11, 70}},
       .forward = [](Run& run, Inputs&, Weights& w, double&) { return embed(run, w[0]); }});
  add({.name = "rms_norm",
       .inputs = {{"x", 0, 37}},
       .weights = {{"gain", 1, 37, 0.3f, 1}},
       .forward = [](Run& run, Inputs& in, Weights& w, double&) {
         return rms_norm(run, in[0], w[0], 1e-3f);
       }});
  add({.name = "rms_norm of heads",
       .inputs = {{"x", 0, 6}},
       .weights = {{"w", 4 * 9, 6}, {"gain", 1, 9, 0.3f, 1}},
       .forward = [table = rope_table(6, false)](Run& run, Inputs& in, Weights& w, double&) {
         Tensor heads = linear(run, in[0], w[0]).folded(9);
         Tensor y = rms_norm(run, heads, w[1], 1e-3f).folded(4 * 9);
         rope(run, y, 9, table);
         return y;
       }});
  add({.name = "rms_norm_into",
       .inputs = {{"x", 0, 9}},
       .weights = {{"gain", 1, 9, 0.3f, 1}},
       .forward = [](Run& run, Inputs& in, Weights& w, double&) {
         Tensor joined = run.make(in[0].rows, 18);
         rms_norm_into(run, in[0], w[0], 1e-3f, joined.columns(0, 9));
         rms_norm_into(run, in[0], w[0], 1e-2f, joined.columns(9, 9));
         return joined;
       }});
  for (int outputs : {1, 31, 32, 33, 100})
    add({.name = "linear",
         .lengths = {70, 30},
         .inputs = {{"x", 0, 29}},
         .weights = {{"w", outputs, 29}},
         .forward = [](Run& run, Inputs& in, Weights& w, double&) {
           return linear(run, in[0], w[0]);
         }});
  add({.name = "linear with bias",
       .inputs = {{"x", 0, 5}},
       .weights = {{"w", 70, 5}, {"bias", 1, 70}},
       .forward = [](Run& run, Inputs& in, Weights& w, double&) {
         return linear(run, in[0], {w[0], &w[1]});
       }});
  add({.name = "add_linear",
       .inputs = {{"residual", 0, 33}, {"x", 0, 5}},
       .weights = {{"w", 33, 5}},
       .forward = [](Run& run, Inputs& in, Weights& w,
                     double&) { return add_linear(run, in[0], in[1], w[0]); },
       .can_repeat = false});
  add({.name = "swiglu",
       .inputs = {{"gate", 0, 19}, {"up", 0, 19}},
       .weights = {},
       .forward = [](Run& run, Inputs& in, Weights&, double&) {
         return swiglu(run, in[0], in[1]);
       }});
  add({.name = "scaled",
       .inputs = {{"x", 0, 19}},
       .weights = {},
       .forward = [](Run& run, Inputs& in, Weights&, double&) {
         return scaled(run, in[0], -1.7f);
       }});
  add({.name = "scaled by position",
       .lengths = {11, 5},
       .inputs = {{"x", 0, 7}},
       .weights = {},
       .forward = [](Run& run, Inputs& in, Weights&, double&) {
         Tensor fresh = scaled(run, in[0], 2);
         scale_by_position(run, fresh, 0.7f, 3);
         return fresh;
       }});
  add({.name = "swiglu, limited",
       .inputs = {{"gate", 0, 19}, {"up", 0, 19}},
       .weights = {},
       .forward = [](Run& run, Inputs& in, Weights&, double&) {
         return swiglu(run, in[0], in[1], 0.9f);
       }});
  for (bool interleaved : {true, false})
    for (int width : {8, 34})
      for (bool leading : {false, true}) {
        RopeTable table = rope_table(width, interleaved);
        table.leading = leading;
        add({.name = "rope",
             .inputs = {{"x", 0, 6}},
             .weights = {{"w", 2 * 40, 6}},
             .forward = [table](Run& run, Inputs& in, Weights& w, double&) {
               Tensor y = linear(run, in[0], w[0]);
               rope(run, y, 40, table);
               return y;
             }});
      }
  add(attention_case("attend, multi-head", gqa_shape(2, 2, 8), {5, 1, 33}));
  add(attention_case("attend, grouped queries", gqa_shape(6, 2, 5), {3, 40}));
  add(attention_case("attend, latent", mla_shape(3, 6, 4, 5), {7, 35, 1}));
  add(attention_case("attend, across query tiles", mla_shape(2, 8, 4, 32), {131, 64, 65}));
  add(attention_case("attend, branches", gqa_shape(6, 2, 5), {40, 3, 70, 5, 9, 2},
                     {0, 37, 1, 0, 5, 3}));
  add(attention_case("attend, latent, branches", mla_shape(3, 6, 4, 5), {70, 9, 1, 6},
                     {0, 33, 70, 64}));
  add(sparse_attention_case("attend, chosen tokens", gqa_shape(4, 2, 5), {3, 40, 7}, 5));
  add(sparse_attention_case("attend, latent, chosen tokens", mla_shape(3, 6, 4, 5), {70, 9}, 8));
  add(sparse_attention_case("attend, latent, chosen tokens, branches", mla_shape(3, 6, 4, 5),
                            {40, 20, 5}, 8, {0, 35, 4}));
  GateShape gate{
      .kind = GateKind::softmax, .experts = 8, .per_token = 3, .normalize = false, .scale = 2};
  add(route_case("route, softmax", gate, false));
  gate.group_kind = GroupKind::max, gate.groups = 4, gate.groups_kept = 2,
  gate.balance_weight = 0.7f;
  add(route_case("route, softmax, groups, balance loss", gate, false));
  add(kept_route_case("route, softmax, groups, balance loss, kept", gate, false));
  gate.normalize = true;
  add(route_case("route, softmax, normalised", gate, false));
  gate.kind = GateKind::sigmoid, gate.group_kind = GroupKind::top2_sum;
  add(route_case("route, sigmoid, groups, bias, balance loss", gate, true));
  add(kept_route_case("route, sigmoid, groups, bias, balance loss, kept", gate, true));
  gate.group_kind = GroupKind::none, gate.balance_weight = 0, gate.per_token = 1;
  gate.normalize = false;
  add(route_case("route, sigmoid, one expert", gate, true));
  gate.kind = GateKind::sqrt_softplus, gate.normalize = true, gate.per_token = 3;
  add(route_case("route, sqrt_softplus, bias", gate, true));
  add(table_route_case("route, sqrt_softplus, experts by token", gate));
  gate.balance_weight = 0.7f;
  add(kept_route_case("route, sqrt_softplus, balance loss, kept", gate, false));
  add(experts_case());
  add(stored_case());
  add(stored_experts_case());
  for (int rank : {1, 8, 64}) add(adapter_case(rank));
  for (bool has_bias : {false, true}) add(magnitude_case(has_bias));
  add(mixed_adapter_case());
  add(expert_adapter_case());
  add(loss_case());
  for (double beta : {0.0, 0.3, 1.0}) {
    const std::string of = "beta " + std::to_string(beta).substr(0, 3);
    add(divergence_case(of, beta, 0, DivergenceTail::bucket, 1));
    add(divergence_case(of + ", temperature 2", beta, 0, DivergenceTail::bucket, 0.5f));
    add(divergence_case(of + ", top 5 and tail", beta, 5, DivergenceTail::bucket, 1));
    add(divergence_case(of + ", top 5 alone", beta, 5, DivergenceTail::dropped, 0.7f));
    add(divergence_case(of + ", all named", beta, 40, DivergenceTail::bucket, 1));
  }
  add(objective_case());
  add({.name = "recompute",
       .inputs = {{"x", 0, 12}},
       .weights = {{"gain", 1, 12, 0.2f, 1}, {"w", 12, 12, 0.3f}},
       .forward = [](Run& run, Inputs& in, Weights& w, double&) {
         auto body = [gain = &w[0], matrix = &w[1]](Run& r, Tensor x) {
           return add_linear(r, x, rms_norm(r, x, *gain, 1e-3f), *matrix);
         };
         return recompute(run, body, linear(run, in[0], w[1]));
       }});
  return all;
}

}  // namespace
}  // namespace weir
