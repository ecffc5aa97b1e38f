#include "pretrain/trainer.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "pretrain/validation.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

SmallTraining small(const std::vector<std::string>& sets = {}) {
  auto t = SmallTraining::make(sets);
  EXPECT_TRUE(t) << t.error().message;
  return *std::move(t);
}

// Names of the tensors whose gradients differ in any bit.
std::string differing(const SmallTrainer& a, const SmallTrainer& b) {
  std::string names;
  for (size_t k = 0; k < a.model->parameters().size(); ++k) {
    const Parameter &x = *a.model->parameters()[k], &y = *b.model->parameters()[k];
    if (std::memcmp(x.grad, y.grad, x.count() * sizeof(float)) != 0) names += x.name + " ";
  }
  return names;
}

std::vector<float> gradients(SmallTrainer& s) {
  std::vector<float> all;
  for (const Parameter* w : s.model->parameters())
    all.insert(all.end(), w->grad, w->grad + w->count());
  return all;
}

TEST(Trainer, LossFallsAndTheModelBeatsGuessing) {
  SmallTraining t = small({"steps=150", "schedule.name=constant"});
  SmallTrainer s(t, 2);
  double first = 0, last = 0;
  for (int i = 0; i < 150; ++i) {
    auto metrics = s.trainer.advance();
    ASSERT_TRUE(metrics) << metrics.error().message;
    if (i == 0) first = metrics->loss;
    last = metrics->loss;
    ASSERT_EQ(metrics->step, i + 1);
    ASSERT_EQ(metrics->expert_load.size(), 2u);  // one MoE layer and the MTP module's
    double sum = 0;
    for (double share : metrics->expert_load[0]) sum += share;
    ASSERT_NEAR(sum, 1, 1e-9);
    ASSERT_TRUE(metrics->mtp_loss && metrics->balance_loss);
  }
  EXPECT_NEAR(first, std::log(double(t.config.vocab_size)), 0.3);
  EXPECT_LT(last, 0.6 * first);
  auto held_out = evaluate(*s.model, *t.dataset, 100, 4, s.trainer.arena(), s.pool);
  ASSERT_TRUE(held_out);
  EXPECT_LT(held_out->loss, 0.7 * first);
  // One byte per character here, so both say the same in other units.
  EXPECT_NEAR(held_out->bits_per_byte, held_out->loss / std::log(2.0), 1e-9);
}

TEST(Trainer, MuonLearnsToo) {
  SmallTraining t = small({"steps=100", "schedule.name=constant", "optimizer.name=muon"});
  SmallTrainer s(t, 2);
  double last = 0;
  for (int i = 0; i < 100; ++i) {
    auto metrics = s.trainer.advance();
    ASSERT_TRUE(metrics) << metrics.error().message;
    last = metrics->loss;
  }
  EXPECT_LT(last, 0.7 * std::log(double(t.config.vocab_size)));
}

TEST(Trainer, MicroBatchesGiveTheGradientOfTheWholeBatchBitForBit) {
  // Every dW is one chain over the rows and starts from what is there already, so cutting the batch
  // changes nothing; the gains of norms sum 64 rows at a time, so the cut is at a multiple of that.
  // Not with MTP (the head's chain visits rows in another order) and not with the balance loss (a
  // mean over the segments of each micro-batch).
  const std::vector<std::string> common = {"model.num_nextn_predict_layers=0",
                                           "moe.balance_weight=0", "data.sequence_length=64"};
  std::vector<std::string> cut = common;
  cut.push_back("batch.micro_windows=1");
  SmallTraining whole = small(common), parts = small(cut);
  SmallTrainer a(whole, 1), b(parts, 1);
  for (int i = 0; i < 3; ++i) {
    auto x = a.trainer.advance(), y = b.trainer.advance();
    ASSERT_TRUE(x && y);
    EXPECT_NEAR(x->loss, y->loss, 1e-12);
    ASSERT_EQ(differing(a, b), "") << "step " << i;
    ASSERT_EQ(a.fingerprint(), b.fingerprint());
  }
}

TEST(Trainer, MicroBatchesWithEverythingAgreeToRounding) {
  SmallTraining whole = small(), parts = small({"batch.micro_windows=2"});
  SmallTrainer a(whole, 1), b(parts, 1);
  ASSERT_TRUE(a.trainer.advance());
  ASSERT_TRUE(b.trainer.advance());
  std::vector<float> x = gradients(a), y = gradients(b);
  double difference = 0, size = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    difference += double(x[i] - y[i]) * double(x[i] - y[i]);
    size += double(x[i]) * double(x[i]);
  }
  EXPECT_LT(std::sqrt(difference / size), 1e-5);
}

TEST(Trainer, ThreadsDoNotChangeTheBits) {
  for (const char* optimizer : {"optimizer.name=adamw", "optimizer.name=muon"}) {
    SmallTraining t = small({optimizer, "batch.micro_windows=2"});
    SmallTrainer one(t, 1), two(t, 2), five(t, 5);
    for (int i = 0; i < 6; ++i) {
      auto x = one.trainer.advance(), y = two.trainer.advance(), z = five.trainer.advance();
      ASSERT_TRUE(x && y && z);
      ASSERT_EQ(x->loss, y->loss);
      ASSERT_EQ(x->grad_norm, z->grad_norm);
      ASSERT_EQ(one.fingerprint(), two.fingerprint()) << "step " << i;
      ASSERT_EQ(one.fingerprint(), five.fingerprint()) << "step " << i;
    }
  }
}

TEST(Trainer, RecomputingBlocksDoesNotChangeTheBits) {
  SmallTraining kept = small(), again = small({"recompute=true"});
  SmallTrainer a(kept, 2), b(again, 2);
  for (int i = 0; i < 4; ++i) {
    auto x = a.trainer.advance(), y = b.trainer.advance();
    ASSERT_TRUE(x && y);
    ASSERT_EQ(x->expert_load, y->expert_load);
    ASSERT_EQ(a.fingerprint(), b.fingerprint()) << "step " << i;
  }
}

TEST(Trainer, GateBiasesMoveTowardsBalanceUntilFrozen) {
  SmallTraining t = small({"moe.bias_speed=0.01", "moe.bias_freeze_at=0.5", "steps=4"});
  SmallTrainer s(t, 1);
  ASSERT_EQ(s.model->buffers().size(), 2u);
  const Parameter& bias = *s.model->buffers()[0];
  std::vector<float> before(bias.f32(), bias.f32() + bias.count());
  auto metrics = s.trainer.advance();
  ASSERT_TRUE(metrics);
  for (size_t e = 0; e < before.size(); ++e) {
    double share = metrics->expert_load[0][e];
    float moved = bias.f32()[e] - before[e];
    EXPECT_FLOAT_EQ(moved, share < 0.25 ? 0.01f : share > 0.25 ? -0.01f : 0.f);
  }
  ASSERT_TRUE(s.trainer.advance());
  std::vector<float> frozen(bias.f32(), bias.f32() + bias.count());
  ASSERT_TRUE(s.trainer.advance());
  EXPECT_EQ(frozen, std::vector<float>(bias.f32(), bias.f32() + bias.count()));
}

// T3 of the fault plan: whatever is not finite is caught before the update and nothing has changed.
TEST(Trainer, ValuesThatAreNotFiniteStopTheStepAndChangeNothing) {
  SmallTraining t = small({"schedule.name=constant"});
  const float bad_values[] = {std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::infinity(), 1e30f};
  SmallTrainer s(t, 2);
  ASSERT_TRUE(s.trainer.advance());
  int caught = 0;
  for (const Parameter* w : s.model->parameters())
    for (float bad : bad_values) {
      const size_t at = w->count() / 2;
      const float good = w->f32()[at];
      w->f32()[at] = bad;
      s.model->weights_changed();
      const std::string before = s.fingerprint();
      const int64_t step = s.trainer.step();
      auto result = s.trainer.advance();
      if (!result) {
        ++caught;
        EXPECT_EQ(s.fingerprint(), before) << w->name;
        EXPECT_EQ(s.trainer.step(), step);
        EXPECT_NE(result.error().message.find("step 2"), std::string::npos)
            << result.error().message;
        if (!std::isfinite(bad) && result.error().message.find("loss is") != std::string::npos) {
          EXPECT_NE(result.error().message.find(w->name), std::string::npos)
              << result.error().message;
        }
      } else {
        // A row of the embedding that no token used, an expert that none chose, or a value that a
        // norm brings back: then the step is sound. Start over from clean weights.
        EXPECT_TRUE(std::isfinite(result->loss));
        s.trainer.resume({});
        SmallTrainer fresh(t, 1);
        for (size_t k = 0; k < s.model->parameters().size(); ++k)
          std::copy_n(fresh.model->parameters()[k]->f32(), fresh.model->parameters()[k]->count(),
                      s.model->parameters()[k]->f32());
        for (const Optimizer::Moment& m : s.trainer.optimizer().moments())
          std::fill_n(m.data, m.count, 0.f);
        for (const Parameter* buffer : s.model->buffers())
          std::fill_n(buffer->f32(), buffer->count(), 0.f);
        s.model->weights_changed();
        ASSERT_TRUE(s.trainer.advance());
        continue;
      }
      w->f32()[at] = good;
      s.model->weights_changed();
    }
  EXPECT_GE(caught, 40);
}

TEST(Trainer, LossThatExplodesStopsTheRunAndSaysWhy) {
  SmallTraining t = small({"schedule.name=constant", "optimizer.lr=0.001"});
  SmallTrainer s(t, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(s.trainer.advance());
  // A head that is sure of itself and wrong.
  Parameter* head = s.model->find("lm_head.weight")->parameter;
  ASSERT_NE(head, nullptr);
  for (size_t i = 0; i < head->count(); ++i) head->f32()[i] *= 3000;
  s.model->weights_changed();
  const std::string before = s.fingerprint();
  auto result = s.trainer.advance();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("exploded"), std::string::npos) << result.error().message;
  EXPECT_NE(result.error().message.find("optimizer.lr"), std::string::npos);
  EXPECT_EQ(s.fingerprint(), before);
}

TEST(Trainer, LossLimitCanBeSwitchedOff) {
  SmallTraining t = small({"loss_limit_factor=0", "schedule.name=constant"});
  SmallTrainer s(t, 1);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(s.trainer.advance());
  Parameter* head = s.model->find("lm_head.weight")->parameter;
  for (size_t i = 0; i < head->count(); ++i) head->f32()[i] *= 3000;
  s.model->weights_changed();
  EXPECT_TRUE(s.trainer.advance());
}

}  // namespace
}  // namespace weir
