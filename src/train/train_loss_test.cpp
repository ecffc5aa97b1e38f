// The gradient of the training loss against finite differences of the losses that are reported.
#include "train/train_loss.h"

#include <algorithm>
#include <cmath>

#include "ops/draft_loss.h"
#include "testing/training_fixture.h"
#include "train/draft_training.h"

namespace weir {
namespace {

constexpr float kMtp = 0.5f;

struct Losses {
  ThreadPool pool{1};
  Arena arena{size_t(1) << 32};
  std::unique_ptr<Model> model;
  TrainingBatch batch;

  explicit Losses(int modules) {
    auto training =
        SmallTraining::make({"model.num_nextn_predict_layers=" + std::to_string(modules),
                             "model.n_routed_experts=0", "model.num_hidden_layers=1"});
    EXPECT_TRUE(training) << training.error().message;
    model = Model::create(training->config, true);
    model->initialize(3);
    for (int i = 0; i < 24; ++i) {
      batch.tokens.push_back(1 + i * 7 % 11);
      batch.positions.push_back(i);
      batch.sequences.push_back(0);
      batch.roots.push_back(-1);
      batch.targets.push_back(1 + (i + 1) * 7 % 11);
    }
    batch.counted = 24;
  }
  LossTotals totals() {
    model->weights_changed();
    model->pack(pool);
    model->zero_gradients();
    LossTotals totals;
    CrossEntropy objective(1.0f / 24);
    accumulate_gradients(*model, batch, objective, {.mtp_weight = kMtp / 24}, arena, pool, totals);
    return totals;
  }
};

// DeepSeek-V3, eq. 25: lambda / D times the sum of the modules' losses.
TEST(TrainLoss, F28MtpsWeightIsSharedByItsModules) {
  for (int modules : {1, 2, 3}) {
    Losses l(modules);
    auto loss = [&] {
      const LossTotals totals = l.totals();
      return (totals.negative_log + double(kMtp) / modules * totals.mtp_negative_log) / 24;
    };
    loss();
    // The coordinates with the largest gradients of every matrix.
    int checked = 0;
    std::vector<std::vector<float>> gradients;
    for (const Parameter* w : l.model->parameters())
      gradients.emplace_back(w->grad, w->grad + w->count());
    for (size_t k = 0; k < gradients.size(); ++k) {
      Parameter& w = *l.model->parameters()[k];
      const auto largest =
          std::max_element(gradients[k].begin(), gradients[k].end(),
                           [](float a, float b) { return std::abs(a) < std::abs(b); });
      const double gradient = double(*largest);
      if (std::abs(gradient) < 0.02) continue;
      float& x = w.f32()[largest - gradients[k].begin()];
      const float kept = x, step = 1e-2f;
      x = kept + step;
      const double above = loss();
      x = kept - step;
      const double below = loss();
      x = kept;
      EXPECT_NEAR((above - below) / (2 * double(step)), gradient, 0.05 * std::abs(gradient) + 1e-3)
          << w.name << " with " << modules << " modules";
      ++checked;
    }
    EXPECT_GT(checked, 5);
  }
}

// DSpark: what the stages learn is the gradient of what is reported, and nothing of it reaches the
// model.
TEST(TrainLoss, StagesLearnAndTheModelDoesNot) {
  const auto json = parse_json(R"({"model_type": "deepseek_v4", "vocab_size": 41,
      "hidden_size": 24, "num_hidden_layers": 2, "max_position_embeddings": 64,
      "initializer_range": 0.3, "num_attention_heads": 4, "head_dim": 8, "qk_rope_head_dim": 4,
      "q_lora_rank": 14, "sliding_window": 5, "o_groups": 2, "o_lora_rank": 6,
      "compress_ratios": [4, 0], "index_n_heads": 2, "index_head_dim": 6, "index_topk": 2,
      "hc_mult": 3, "hc_sinkhorn_iters": 4, "num_hash_layers": 1, "n_routed_experts": 2,
      "num_experts_per_tok": 2, "moe_intermediate_size": 9, "swiglu_limit": 50,
      "num_nextn_predict_layers": 2, "dspark_target_layer_ids": [0, 1], "dspark_block_size": 3,
      "dspark_noise_token_id": 40, "dspark_markov_rank": 5})");
  const auto config = parse_config(*json, "tiny");
  ASSERT_TRUE(config) << config.error().message;
  Losses l(0);
  l.model = Model::create(*config, true);
  l.model->initialize(3);
  const auto gradients = [&] {
    std::vector<std::vector<float>> all;
    for (const Parameter* w : l.model->parameters())
      all.emplace_back(w->grad, w->grad + w->count());
    return all;
  };
  const LossTotals totals = l.totals();
  EXPECT_EQ(totals.mtp_counted, 23);  // from the second token on
  const auto both = gradients();
  TrainingBatch nothing = l.batch;
  std::fill(nothing.targets.begin(), nothing.targets.end(), -1);
  std::swap(nothing, l.batch);
  EXPECT_EQ(l.totals().mtp_counted, 0);
  std::swap(nothing, l.batch);
  // The loss of the drafts alone: without that of the model's own tokens.
  const auto draft_loss = [&] {
    l.model->weights_changed();
    l.model->pack(l.pool);
    l.arena.reset();
    const Batch rows = l.batch.rows();
    weir::Run run{l.arena, l.pool, rows};
    Tensor states;
    (void)l.model->forward(run, nullptr, &states);
    const DraftBlocks blocks(l.batch, *config);
    weir::Run draft{l.arena, l.pool, blocks.batch()};
    const Tensor context = l.model->draft_context(run, states);
    const Tensor hidden = l.model->draft_hidden(draft, blocks.context(context));
    const Tensor logits =
        l.model->draft_bias(draft, l.model->draft_logits(draft, hidden), blocks.before);
    return weighted_cross_entropy(draft, logits, blocks.targets, blocks.decay).loss * double(kMtp) /
           24;
  };
  int of_model = 0, of_stages = 0;
  LossTotals without;
  l.model->zero_gradients();
  CrossEntropy objective(1.0f / 24);
  accumulate_gradients(*l.model, l.batch, objective, {}, l.arena, l.pool, without);
  const auto alone = gradients();
  for (size_t k = 0; k < both.size(); ++k) {
    Parameter& w = *l.model->parameters()[k];
    const bool is_stage =
        w.name.starts_with("model.layers.2.") || w.name.starts_with("model.layers.3.");
    if (!is_stage) {
      EXPECT_EQ(both[k], alone[k]) << w.name;
      ++of_model;
      continue;
    }
    if (w.name.find("confidence") != std::string::npos) continue;  // learns from what is right
    const auto largest = std::max_element(
        both[k].begin(), both[k].end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    const double gradient = double(*largest);
    if (std::abs(gradient) < 2e-3) continue;
    float& x = w.f32()[largest - both[k].begin()];
    const float kept = x, step = 5e-3f;
    x = kept + step;
    const double above = draft_loss();
    x = kept - step;
    const double below = draft_loss();
    x = kept;
    EXPECT_NEAR((above - below) / (2 * double(step)), gradient, 0.03 * std::abs(gradient) + 1e-4)
        << w.name;
    ++of_stages;
  }
  EXPECT_GT(of_model, 20);
  EXPECT_GT(of_stages, 20);
}

TEST(TrainLoss, FurtherTargetsStayInsideTheirSegment) {
  TrainingBatch batch;
  batch.tokens = {1, 2, 3, 4, 5, 6, 7};
  batch.positions = {0, 1, 2, 3, 0, 1, 2};
  batch.sequences = {0, 0, 0, 0, 1, 1, 1};
  batch.targets = {2, 3, 4, 9, 6, 7, -1};
  FurtherTargets one = further_targets(batch, 0);
  EXPECT_EQ(one.next, (std::vector<int>{2, 3, 4, 9, 6, 7, 0}));
  EXPECT_EQ(one.targets, (std::vector<int>{3, 4, 9, -1, 7, -1, -1}));
  FurtherTargets two = further_targets(batch, 1);
  EXPECT_EQ(two.next, (std::vector<int>{3, 4, 9, 0, 7, 0, 0}));
  EXPECT_EQ(two.targets, (std::vector<int>{4, 9, -1, -1, -1, -1, -1}));
}

}  // namespace
}  // namespace weir
