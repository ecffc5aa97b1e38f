// A larger model that a smaller one learns from: its distributions over the tokens of a batch, and
// the divergence from them as an objective. docs/distillation.md
#pragma once
#include <memory>
#include <vector>

#include "ops/divergence.h"
#include "train/learner.h"
#include "train/teacher_file.h"

namespace weir {

struct DivergenceShape {
  double beta = 1;  // divergence.h: 0 forward KL, 1 reverse KL, else JSD
  double temperature = 1;
  int top = 0;  // of the teacher's tokens; 0: all
  DivergenceTail tail = DivergenceTail::bucket;
};

class Teacher {
 public:
  // `rows_max`: of a batch, or of its longest sequence. Its weights keep the type they are stored
  // in.
  Teacher(std::unique_ptr<Model> model, int rows_max, ThreadPool& pool);
  const Model& model() const { return *model_; }
  ThreadPool& pool() { return pool_; }

  // Its final hidden states of a batch, until the next call. [rows, width]
  Tensor read(const TrainingBatch& batch);
  // Its logits of some rows of a batch that was read, times `inverse_temperature`, to `out`
  // [rows, vocabulary].
  void logits(Tensor hidden, std::span<const int> rows, float inverse_temperature, float* out);
  // The `top` most probable tokens at each row of the batch that has a target, in order.
  std::vector<TeacherRow> top_rows(const TrainingBatch& batch, int top, double temperature);

 private:
  std::unique_ptr<Model> model_;
  ThreadPool& pool_;
  Arena arena_;
};

// weight * divergence from a teacher that is asked for every row.
class TeacherObjective final : public DistributionObjective {
 public:
  // Reads the batch.
  TeacherObjective(Teacher& teacher, const TrainingBatch& batch, const DivergenceShape& shape,
                   double weight);
  void begin(Run& run, std::span<const int> rows) override;
  double evaluate(const DistributionRow& row, size_t place, bool with_gradient) override;

 private:
  Teacher& teacher_;
  DivergenceShape shape_;
  double weight_;
  Tensor hidden_;
  std::vector<float> logits_;
};

// weight * divergence from rows that were kept: one for each row of the batch with a target.
class KeptRowsObjective final : public DistributionObjective {
 public:
  KeptRowsObjective(const TrainingBatch& batch, const std::vector<TeacherRow>& rows,
                    const DivergenceShape& shape, double weight);
  double evaluate(const DistributionRow& row, size_t place, bool with_gradient) override;

 private:
  const std::vector<TeacherRow>& rows_;
  std::vector<int> number_;  // of each row of the batch among `rows`
  DivergenceShape shape_;
  double weight_;
};

}  // namespace weir
