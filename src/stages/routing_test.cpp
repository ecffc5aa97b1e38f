// What a rollout records is what training computes: log-probabilities bit for bit, and the same
// experts, which training keeps when its weights have moved.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "chat/generator.h"
#include "testing/tiny_models.h"
#include "train/batches.h"
#include "train/learner.h"

namespace weir {
namespace {

const Tokenizer& byte_tokenizer() {
  static const Tokenizer tokenizer = make_byte_tokenizer();
  return tokenizer;
}

// DeepSeek-V3's gate in groups with a bias, V2's softmax gate; latent attention and experts both.
ModelConfig tiny(const std::string& type) {
  ModelConfig c = tiny_expert_config(4, 8, 3);
  c.model_type = type;
  if (type == "deepseek_v2") {
    c.gate = GateKind::softmax, c.norm_topk_prob = false, c.routed_scaling_factor = 2;
    return c;
  }
  c.q_lora_rank = 20, c.has_gate_bias = true, c.routed_scaling_factor = 1.5;
  c.group_kind = GroupKind::top2_sum, c.n_group = 4, c.topk_group = 2;
  c.num_nextn_predict_layers = 1;
  return c;
}

std::unique_ptr<Model> make_model(const std::string& type) {
  auto model = Model::create(tiny(type), true);
  model->initialize(5);
  for (Parameter* bias : model->buffers())
    for (size_t e = 0; e < bias->count(); ++e) bias->f32()[e] = e % 3 == 0 ? 0.2f : -0.1f;
  ThreadPool pool(1);
  model->pack(pool);
  return model;
}

void perturb(Model& model) {
  Random random(12, 0);
  for (Parameter* w : model.parameters())
    for (size_t i = 0; i < w->count(); ++i) w->f32()[i] += 0.02f * random.normal();
  model.weights_changed();
  ThreadPool pool(1);
  model.pack(pool);
}

// Two groups of eight samples.
std::vector<Request> group_requests(double temperature) {
  std::vector<Request> requests;
  for (int i = 0; i < 16; ++i) {
    Request& r = requests.emplace_back();
    Random random(uint64_t(i / 8), 0);
    for (int t = 0; t < (i < 8 ? 40 : 23); ++t) r.prompt.push_back(int(random.below(256)));
    r.tokens_max = 6 + i;
    r.sampling.temperature = temperature;
    r.stream = uint64_t(i);
    r.records_experts = true;
  }
  return requests;
}

struct Setting {
  int threads = 2, prefill_rows = 24, sequences_max = 32;
  bool shares_prefixes = true;
};

std::vector<Completion> roll_out(const Model& model, std::span<const Request> requests,
                                 Setting setting = {}) {
  ThreadPool pool(setting.threads);
  auto generator = Generator::create(
      model, byte_tokenizer(), pool,
      {.sequences_max = setting.sequences_max, .prefill_rows = setting.prefill_rows});
  EXPECT_TRUE(generator.has_value());
  std::vector<Completion> completions;
  const size_t together = setting.shares_prefixes ? requests.size() : 1;
  for (size_t i = 0; i < requests.size(); i += together) {
    auto some = (*generator)->generate(requests.subspan(i, together));
    EXPECT_TRUE(some.has_value());
    std::move(some->begin(), some->end(), std::back_inserter(completions));
  }
  EXPECT_EQ((*generator)->statistics().reused_tokens > 0, setting.shares_prefixes);
  return completions;
}

// The rollouts as one batch of training, with their experts and log-probabilities; each prompt once
// or once a reply.
struct Rows {
  TrainingBatch batch;
  RoutingTrace experts;
  std::vector<float> policy;  // [rows], 0 where not trained

  Rows(const Model& model, std::span<const Request> requests,
       std::span<const Completion> completions, bool shares_prompts = false)
      : experts(model.routing_trace()) {
    std::vector<TrainingSequence> sequences;
    for (size_t i = 0; i < requests.size(); ++i) {
      TrainingSequence& sequence = sequences.emplace_back();
      sequence.tokens = requests[i].prompt;
      if (shares_prompts) sequence.group = int(i / 8);
      sequence.trained.assign(sequence.tokens.size(), 0);
      for (int token : completions[i].tokens) {
        sequence.tokens.push_back(token);
        sequence.trained.push_back(1);
      }
    }
    const std::vector<MicroBatch> parts = micro_batches(sequences, 1 << 20);
    EXPECT_EQ(parts.size(), 1u);
    batch = batch_of(sequences, parts[0]);
    for (size_t i = 0; i < requests.size(); ++i) {
      const Completion& completion = completions[i];
      EXPECT_EQ(completion.experts.size(), size_t(sequences[i].rows()) * experts.row_size());
      append_experts(sequences[i], parts[0].shared[i], completion.experts, experts);
      policy.insert(policy.end(), requests[i].prompt.size() - 1 - size_t(parts[0].shared[i]), 0.f);
      policy.insert(policy.end(), completion.policy_log_probabilities.begin(),
                    completion.policy_log_probabilities.end());
    }
  }
  int64_t pairs() const { return int64_t(experts.rows()) * experts.layers(); }
};

RoutingTrace free_rows(const Model& model, size_t rows) {
  RoutingTrace trace = model.routing_trace();
  trace.append(int(rows));
  return trace;
}

std::vector<float> score(const Model& model, const Rows& rows, double temperature,
                         RoutingUse routing) {
  Arena arena(size_t(1) << 32);
  ThreadPool pool(3);
  std::vector<float> log_probabilities(rows.batch.tokens.size());
  Learner::score(model, rows.batch, float(1 / temperature), log_probabilities.data(), arena, pool,
                 routing);
  return log_probabilities;
}

double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0;
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::fabs(double(a[i]) - double(b[i])));
  return worst;
}

// One training pass: gradients, log-probabilities and the tokens each expert got.
struct Trained {
  std::vector<float> gradients, log_probabilities;
  std::vector<std::vector<int64_t>> loads;
};
Trained train(Model& model, const Rows& rows, RoutingUse routing) {
  struct ByPolicy : TokenObjective {
    int64_t next = 0;
    double evaluate(int, float log_probability, float& slope) override {
      slope = next++ % 2 ? -0.01f : 0.02f;
      return double(slope) * double(log_probability);
    }
  } objective;
  ThreadPool pool(2);
  Learner learner(model, {.rows_max = 64, .sequence_max = model.config().max_position_embeddings},
                  pool);
  learner.begin();
  Trained out;
  out.log_probabilities.resize(rows.batch.tokens.size());
  EXPECT_TRUE(learner.accumulate(
      rows.batch, objective,
      {.aux_scale = 1, .log_probabilities = out.log_probabilities.data(), .routing = routing}));
  for (const Parameter* w : model.parameters())
    out.gradients.insert(out.gradients.end(), w->grad, w->grad + w->count());
  for (const auto& gate : model.gates()) out.loads.push_back(*gate.load);
  return out;
}

class RolloutRouting : public ::testing::TestWithParam<const char*> {};

TEST_P(RolloutRouting, PolicyLogProbabilitiesAndExpertsAreThoseOfTraining) {
  auto model = make_model(GetParam());
  for (double temperature : {1.0, 0.7})
    for (bool shares : {true, false}) {
      const auto requests = group_requests(temperature);
      const Rows rows(*model, requests, roll_out(*model, requests, {.shares_prefixes = shares}),
                      shares);
      EXPECT_EQ(rows.batch.tokens.size() < 16 * 22, shares);
      const std::string what =
          std::string(shares ? "shared" : "alone") + " at " + std::to_string(temperature);
      RoutingTrace own = free_rows(*model, rows.batch.tokens.size());
      EXPECT_EQ(worst_difference(score(*model, rows, temperature, {nullptr, &own}), rows.policy), 0)
          << what;
      const RoutingDifference difference = compare(rows.experts, own);
      EXPECT_EQ(difference.compared, rows.pairs()) << what;
      EXPECT_EQ(difference.moved, 0) << what;
      EXPECT_EQ(worst_difference(score(*model, rows, temperature, {&rows.experts}), rows.policy), 0)
          << what;
    }
}

TEST_P(RolloutRouting, ExpertsDoNotDependOnCompanyChunksAndThreads) {
  auto model = make_model(GetParam());
  const auto requests = group_requests(1);
  const auto expected = roll_out(*model, requests, {.shares_prefixes = false});
  for (Setting setting : {Setting{1, 1, 16}, Setting{3, 7, 5}, Setting{2, 256, 1}}) {
    const auto found = roll_out(*model, requests, setting);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(found[i].tokens, expected[i].tokens) << i;
      EXPECT_EQ(found[i].experts, expected[i].experts) << i;
    }
  }
}

TEST_P(RolloutRouting, KeptWithTheSameWeightsChangesNoBitOfTraining) {
  auto model = make_model(GetParam());
  model->balance_weight = 0.01f;
  const auto requests = group_requests(1);
  const Rows rows(*model, requests, roll_out(*model, requests));
  const Trained free = train(*model, rows, {}), kept = train(*model, rows, {&rows.experts});
  EXPECT_EQ(worst_difference(free.log_probabilities, rows.policy), 0);
  EXPECT_EQ(worst_difference(kept.log_probabilities, rows.policy), 0);
  EXPECT_EQ(free.gradients, kept.gradients);
}

// One copy of the prompt: the same bits of what is drawn, and gradients that differ by the order of
// addition only.
TEST_P(RolloutRouting, GradientsOfSharedPromptsAreThoseOfWholeSequences) {
  auto model = make_model(GetParam());
  const auto requests = group_requests(1);
  const auto completions = roll_out(*model, requests);
  const Rows whole(*model, requests, completions), shared(*model, requests, completions, true);
  ASSERT_LT(shared.batch.tokens.size(), whole.batch.tokens.size() / 2);
  EXPECT_EQ(shared.batch.counted, whole.batch.counted);
  const auto expected = train(*model, whole, {}), found = train(*model, shared, {});
  EXPECT_EQ(worst_difference(found.log_probabilities, shared.policy), 0);
  double largest = 0;
  for (float g : expected.gradients) largest = std::max(largest, std::fabs(double(g)));
  EXPECT_GT(largest, 0);
  EXPECT_LT(worst_difference(expected.gradients, found.gradients), 2e-6 * largest);

  model->recompute_blocks = true;
  const Trained again = train(*model, shared, {});
  EXPECT_EQ(again.gradients, found.gradients) << "blocks run again see the roots too";
}

TEST_P(RolloutRouting, StaysWhenTheWeightsMove) {
  auto model = make_model(GetParam());
  model->balance_weight = 0.01f;
  const auto requests = group_requests(1);
  const Rows rows(*model, requests, roll_out(*model, requests));
  perturb(*model);
  RoutingTrace own = free_rows(*model, rows.batch.tokens.size());
  const Trained free = train(*model, rows, {nullptr, &own});
  EXPECT_GT(compare(rows.experts, own).moved, 0) << "the weights moved too little for this test";
  const Trained kept = train(*model, rows, {&rows.experts, &own});
  EXPECT_GT(compare(rows.experts, own).moved, 0) << "the gates' own choices are told apart";
  EXPECT_NE(free.log_probabilities, kept.log_probabilities);

  std::vector<std::vector<int64_t>> loads(
      model->gates().size(), std::vector<int64_t>(size_t(model->config().n_routed_experts)));
  for (int row = 0; row < rows.experts.rows(); ++row)
    for (int layer = 0; layer < rows.experts.layers(); ++layer)
      for (int j = 0; j < rows.experts.per_token(); ++j)
        ++loads[size_t(layer)][rows.experts.at(row, layer)[j]];
  EXPECT_EQ(kept.loads, loads);
  EXPECT_NE(free.loads, loads);

  model->recompute_blocks = true;
  const Trained again = train(*model, rows, {&rows.experts});
  EXPECT_EQ(again.log_probabilities, kept.log_probabilities);
  EXPECT_EQ(again.gradients, kept.gradients) << "blocks run again keep the routing too";
}

INSTANTIATE_TEST_SUITE_P(Families, RolloutRouting, ::testing::Values("deepseek_v3", "deepseek_v2"),
                         [](const auto& family) { return std::string(family.param); });

TEST(AppendExperts, FollowsTheRowsOfSequencesAndLeavesTheRestFree) {
  const TrainingSequence sequence{{1, 2, 3, 4}, {0, 1, 1, 1}};
  RoutingTrace trace(1, 2);
  append_experts(sequence, 0, std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6, 7}, trace);
  append_experts(sequence, 0, {}, trace);
  append_experts(sequence, 0, std::vector<uint16_t>{7, 6}, trace);
  append_experts(sequence, 2, std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6, 7}, trace);
  append_experts(sequence, 2, std::vector<uint16_t>{7, 6}, trace);
  ASSERT_EQ(trace.rows(), 11);
  std::vector<int> first;
  for (int row = 0; row < trace.rows(); ++row) first.push_back(*trace.at(row, 0));
  const int none = RoutingTrace::kFree;
  EXPECT_EQ(first, (std::vector<int>{0, 2, 4, none, none, none, 7, none, none, 4, none}));
}

}  // namespace
}  // namespace weir
