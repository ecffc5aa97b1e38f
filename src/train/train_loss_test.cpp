// The gradient of the training loss against finite differences of the losses that are reported.
#include "train/train_loss.h"

#include <algorithm>
#include <cmath>

#include "testing/training_fixture.h"

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
