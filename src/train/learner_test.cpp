// The learner by itself: the sum over ranks, and what stops an update.
#include "train/learner.h"

#include <cmath>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>

#include "testing/training_fixture.h"
#include "train/gate_balance.h"

namespace weir {
namespace {

TEST(GateBalance, BalancedLoadMovesNoBias) {
  std::vector<float> bias = {1, 2, 3};
  move_gate_bias(bias.data(), {5, 5, 5}, 0.1f);
  EXPECT_EQ(bias, (std::vector<float>{1, 2, 3}));
  move_gate_bias(bias.data(), {4, 5, 6}, 0.5f);
  EXPECT_EQ(bias, (std::vector<float>{1.5f, 2, 2.5f}));
}

// Two threads as two ranks. The sum is rank 0's values plus rank 1's, the same bits for both.
class TwoRanks {
 public:
  class Rank final : public Communicator {
   public:
    Rank(TwoRanks& both, int rank) : both_(both), rank_(rank) {}
    Result<void> sum(std::span<float> values) override {
      both_.meet([&] { both_.parts_[rank_].assign(values.begin(), values.end()); });
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = both_.parts_[0][i] + both_.parts_[1][i];
      both_.meet([] {});  // both have read
      return {};
    }

   private:
    TwoRanks& both_;
    int rank_;
  };
  Rank ranks[2] = {{*this, 0}, {*this, 1}};

 private:
  // Returns when both threads have called it as often.
  template <class Work>
  void meet(const Work& work) {
    std::unique_lock lock(mutex_);
    work();
    const int turn = arrived_++ / 2;
    if (arrived_ % 2 == 0) turned_.notify_all();
    turned_.wait(lock, [&] { return arrived_ >= 2 * (turn + 1); });
  }

  std::mutex mutex_;
  std::condition_variable turned_;
  int arrived_ = 0;
  std::vector<float> parts_[2];
};

// Everything a step changes.
struct Learned {
  std::vector<float> gradients, weights;
  double norm = 0;
};

SmallTraining small() {
  auto t = SmallTraining::make({"model.num_nextn_predict_layers=0"});
  EXPECT_TRUE(t) << t.error().message;
  return *std::move(t);
}

// One update from windows [first, first + count) of a step of four.
Learned learn(const SmallTraining& t, int first, int count, Communicator* communicator) {
  ThreadPool pool(1);
  std::unique_ptr<Model> model = Model::create(t.config, true);
  model->initialize(5);
  model->weights_changed();
  LearnerOptions options;
  options.optimizer = t.recipe.optimizer;
  options.communicator = communicator;
  Learner learner(*model, options, pool);
  learner.begin();
  CrossEntropy objective(1.0f / 64);  // of all ranks' rows
  for (int i = 0; i < count; ++i) {
    TrainingBatch batch;
    t.dataset->training_batch(first + i, 1, batch);
    EXPECT_EQ(batch.counted, 16);
    EXPECT_TRUE(learner.accumulate(batch, objective));
  }
  Result<UpdateStatistics> done = learner.update(0.01);
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->loss.counted, 16 * count);
  Learned out;
  out.norm = done->gradient_norm;
  out.gradients.assign(model->gradients().begin(), model->gradients().end());
  for (const Parameter* w : model->parameters())
    out.weights.insert(out.weights.end(), w->f32(), w->f32() + w->count());
  return out;
}

TEST(Learner, TwoRanksWithHalfTheRowsEachMakeTheUpdateOfOneWithAll) {
  const SmallTraining t = small();
  const Learned alone = learn(t, 0, 4, nullptr);
  TwoRanks both;
  Learned first, second;
  std::thread other([&] { second = learn(t, 2, 2, &both.ranks[1]); });
  first = learn(t, 0, 2, &both.ranks[0]);
  other.join();
  // The same bits on both ranks; another order of the same sums beside one rank.
  EXPECT_EQ(first.gradients, second.gradients);
  EXPECT_EQ(first.weights, second.weights);
  EXPECT_EQ(first.norm, second.norm);
  ASSERT_EQ(first.gradients.size(), alone.gradients.size());
  double difference = 0, size = 0;
  for (size_t i = 0; i < alone.gradients.size(); ++i) {
    difference += std::pow(double(first.gradients[i]) - double(alone.gradients[i]), 2);
    size += std::pow(double(alone.gradients[i]), 2);
  }
  EXPECT_GT(size, 0);
  EXPECT_LT(std::sqrt(difference / size), 1e-5);
  EXPECT_NEAR(first.norm, alone.norm, 1e-5 * alone.norm);
}

TEST(Learner, AFailedSumChangesNothing) {
  struct Broken : Communicator {
    Result<void> sum(std::span<float>) override { return Error{"rank 1 is gone"}; }
  } broken;
  const SmallTraining t = small();
  ThreadPool pool(1);
  std::unique_ptr<Model> model = Model::create(t.config, true);
  model->initialize(5);
  model->weights_changed();
  Learner learner(*model, {.communicator = &broken}, pool);
  const Parameter& first = *model->parameters()[0];
  const std::vector<float> before(first.f32(), first.f32() + first.count());
  learner.begin();
  TrainingBatch batch;
  t.dataset->training_batch(0, 1, batch);
  CrossEntropy objective(1.0f / 16);
  ASSERT_TRUE(learner.accumulate(batch, objective));
  Result<UpdateStatistics> done = learner.update(0.01);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "rank 1 is gone");
  EXPECT_EQ(learner.updates, 0);
  EXPECT_EQ(before, std::vector<float>(first.f32(), first.f32() + first.count()));
}

// Every parameter's gradient is a part of the one piece of memory, in order, and only the floats
// between them belong to none.
TEST(Learner, GradientsLieInOnePieceOfMemory) {
  const SmallTraining t = small();
  std::unique_ptr<Model> model = Model::create(t.config, true);
  const float* next = model->gradients().data();
  for (const Parameter* w : model->parameters()) {
    EXPECT_GE(w->grad, next) << w->name;
    EXPECT_LT(w->grad, next + 16) << w->name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(w->grad) % 64, 0u) << w->name;
    next = w->grad + w->count();
  }
  EXPECT_LT(model->gradients().data() + model->gradients().size() - next, 16);
  EXPECT_TRUE(Model::create(t.config, false)->gradients().empty());
}

TEST(Learner, ErrorsNameWhatIsNotFiniteAndEndWithTheRemedy) {
  const SmallTraining t = small();
  ThreadPool pool(1);
  std::unique_ptr<Model> model = Model::create(t.config, true);
  model->initialize(5);
  model->weights_changed();
  Learner learner(*model, {.remedy = "Pray"}, pool);
  TrainingBatch batch;
  t.dataset->training_batch(0, 1, batch);
  CrossEntropy objective(1.0f / 16);
  learner.begin();
  ASSERT_TRUE(learner.accumulate(batch, objective));
  model->parameters()[1]->grad[2] = std::numeric_limits<float>::infinity();
  Result<UpdateStatistics> done = learner.update(0.5);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message,
            "the gradient's norm is inf at learning rate 0.5; first not finite: the gradient of "
            "tensor '" +
                model->parameters()[1]->name +
                "' at row 0, column 2; nothing was changed "
                "by this step. Pray");
  learner.begin();
  model->find("model.norm.weight")->parameter->data[3] = std::numeric_limits<float>::quiet_NaN();
  model->weights_changed();
  model->pack(pool);
  Result<void> accumulated = learner.accumulate(batch, objective);
  ASSERT_FALSE(accumulated);
  EXPECT_EQ(accumulated.error().message,
            "the loss is nan in micro-batch 1 (gradient norm of the step before 0); the weight of "
            "tensor 'model.norm.weight' at row 0, column 3 is nan; nothing was changed by this "
            "step. Pray");
}

}  // namespace
}  // namespace weir
