#include "stages/preference_stage.h"

#include <cmath>

#include "base/file.h"
#include "stages/kept_scores.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

struct Preferring {
  TinyStages t;
  std::unique_ptr<Model> model;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Stage> stage;

  explicit Preferring(int64_t steps, const std::vector<std::string>& settings = {}, int threads = 1,
                      const std::string& kept = "", uint64_t seed = 1)
      : t("  p: {kind: dpo, steps: 100, pairs: 8, lr: 0.01, warmup_steps: 0, weight_decay: 0, "
          "data: {facts: {}}}\n",
          settings, threads) {
    t.give(kind_and_rude());
    model = t.fresh_model(seed);
    learner = t.learner(*model);
    Result<std::unique_ptr<Stage>> made =
        make_preference_stage(t.context, t.stage(), steps, *learner, kept, "one");
    EXPECT_TRUE(made) << made.error().message;
    stage = *std::move(made);
  }
};

class PreferenceLosses : public testing::TestWithParam<const char*> {};

TEST_P(PreferenceLosses, LearnToPrefer) {
  constexpr int kSteps = 30;
  Preferring p(kSteps, {std::string("stages.p.loss=") + GetParam(), "stages.p.beta=0.5"});
  const std::vector<Json> lines = take_steps(*p.stage, kSteps);
  ASSERT_EQ(lines.size(), size_t(kSteps));
  EXPECT_GT(number_at(lines.back(), "accuracy"), 0.9);
  EXPECT_GT(number_at(lines.back(), "held_out"), 0.9);
  EXPECT_GT(number_at(lines.back(), "margin"), 0.3);
  EXPECT_LT(number_at(lines.back(), "loss"), 0.8 * number_at(lines[0], "loss"));
}

// At a rate of 0 a step gives the loss and leaves its gradient: both sides of the weights, moved a
// little along the gradient, have to differ by its norm.
TEST_P(PreferenceLosses, GradientIsThatOfTheLoss) {
  Preferring p(100, {std::string("stages.p.loss=") + GetParam(), "stages.p.beta=0.5",
                     "stages.p.label_smoothing=0.1", "stages.p.lr=0", "stages.p.clip=0"});
  const std::vector<float> weights = all_weights(*p.model);
  const std::vector<Json> first = take_steps(*p.stage, 1);
  const double norm = number_at(first[0], "grad_norm");
  std::vector<float> gradient(p.model->gradients().begin(), p.model->gradients().end());
  gradient.clear();
  for (const Parameter* w : p.model->parameters())
    gradient.insert(gradient.end(), w->grad, w->grad + w->count());
  constexpr double kStep = 2e-4;  // a longer one moves tokens to other experts
  const auto loss_at = [&](double distance) {
    std::vector<float> moved = weights;
    for (size_t i = 0; i < moved.size(); ++i)
      moved[i] += float(distance * double(gradient[i]) / norm);
    set_weights(*p.model, moved);
    return number_at(take_steps(*p.stage, 1)[0], "loss");
  };
  const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
  EXPECT_NEAR(slope, norm, 0.01 * norm + 5e-4);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PreferenceLosses, testing::Values("sigmoid", "robust", "ipo"),
                         [](const auto& kind) { return std::string(kind.param); });

// The policy is the reference, bit for bit.
TEST(PreferenceStage, BeginsWithTheLossOfNoMargin) {
  const Json line = take_steps(*Preferring(100).stage, 1)[0];
  EXPECT_EQ(number_at(line, "margin"), 0);
  EXPECT_EQ(number_at(line, "chosen_reward"), 0);
  EXPECT_NEAR(number_at(line, "loss"), std::log(2.0), 1e-12);
}

TEST(PreferenceStage, ThreadsChangeNoBit) {
  const auto after = [](int threads) {
    Preferring p(100, {}, threads);
    take_steps(*p.stage, 2);
    return all_weights(*p.model);
  };
  EXPECT_EQ(after(1), after(2));
}

// A second process reads the reference from the file: its own model has moved on by then.
TEST(PreferenceStage, KeepsTheReference) {
  TemporaryFolder folder;
  const std::string kept = folder.file("reference.json");
  Preferring whole(4, {}, 1, kept);
  take_steps(*whole.stage, 2);
  const std::string file = *read_file(kept);
  const std::vector<float> half = all_weights(*whole.model);
  const Json cursor = whole.stage->cursor();
  EXPECT_GT(KeptScores::open(kept, "one").size(), 16u);
  EXPECT_EQ(KeptScores::open(kept, "another").size(), 0u);

  Preferring other(4, {}, 1, kept, 77);  // a model of other weights
  EXPECT_EQ(*read_file(kept), file) << "nothing was computed again";
  set_weights(*other.model, half);
  ASSERT_TRUE(other.stage->restore(cursor));
  const Json expected = *whole.stage->advance(2), found = *other.stage->advance(2);
  EXPECT_EQ(number_at(found, "loss"), number_at(expected, "loss"));
  EXPECT_EQ(number_at(found, "margin"), number_at(expected, "margin"));
}

TEST(PreferenceStage, NeedsRejectedReplies) {
  Preferring p(1);
  p.t.give(kind_and_rude(false));
  const auto made = make_preference_stage(p.t.context, p.t.stage(), 1, *p.learner);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("no rejected reply"), std::string::npos);
}

}  // namespace
}  // namespace weir
