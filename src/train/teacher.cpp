#include "train/teacher.h"

#include "kernels/kernels.h"
#include "ops/matmul.h"
#include "tensor/batch.h"
#include "tensor/run.h"

namespace weir {
namespace {

constexpr int kRowsTogether = 64;  // whose logits exist at a time

double scaled(double loss, std::span<float> slopes, double weight, bool with_gradient) {
  if (with_gradient)
    kernels().scale(float(weight), slopes.data(), slopes.data(), int(slopes.size()));
  return weight * loss;
}

}  // namespace

Teacher::Teacher(std::unique_ptr<Model> model, int rows_max, ThreadPool& pool)
    : model_(std::move(model)),
      pool_(pool),
      arena_(scoring_arena_bytes(model_->config(), rows_max)) {
  model_->pack(pool);
}

Tensor Teacher::read(const TrainingBatch& batch) {
  arena_.reset();
  const Batch rows = batch.rows();
  Run run{arena_, pool_, rows};
  run.exact = false;
  return model_->forward(run);
}

void Teacher::logits(Tensor hidden, std::span<const int> rows, float inverse_temperature,
                     float* out) {
  const int vocabulary = model_->head().rows;
  ArenaScope scope(arena_);
  const Workers workers{&arena_, &pool_, false};
  multiply(workers, {data_of(hidden), rows.data()}, model_->head(), {},
           {out, size_t(vocabulary), int(rows.size()), vocabulary}, false);
  if (inverse_temperature == 1) return;
  for (size_t r = 0; r < rows.size(); ++r) {
    float* row = out + r * size_t(vocabulary);
    kernels().scale(inverse_temperature, row, row, vocabulary);
  }
}

std::vector<TeacherRow> Teacher::top_rows(const TrainingBatch& batch, int top, double temperature) {
  const Tensor hidden = read(batch);
  std::vector<int> picked;
  for (size_t row = 0; row < batch.targets.size(); ++row)
    if (batch.targets[row] >= 0) picked.push_back(int(row));
  std::vector<TeacherRow> found(picked.size());
  const size_t vocabulary = size_t(model_->head().rows);
  std::vector<float> all(size_t(kRowsTogether) * vocabulary);
  for (size_t begin = 0; begin < picked.size(); begin += kRowsTogether) {
    const size_t count = std::min(picked.size() - begin, size_t(kRowsTogether));
    logits(hidden, std::span(picked).subspan(begin, count), float(1 / temperature), all.data());
    pool_.parallel_for(int(count), [&](int r, int) {
      TeacherRow& row = found[begin + size_t(r)];
      row.log_tail = append_top({all.data() + size_t(r) * vocabulary, vocabulary}, top, row.tokens,
                                row.log_probabilities);
    });
  }
  return found;
}

TeacherObjective::TeacherObjective(Teacher& teacher, const TrainingBatch& batch,
                                   const DivergenceShape& shape, double weight)
    : teacher_(teacher), shape_(shape), weight_(weight), hidden_(teacher.read(batch)) {}

void TeacherObjective::begin(Run&, std::span<const int> rows) {
  logits_.resize(rows.size() * size_t(teacher_.model().head().rows));
  teacher_.logits(hidden_, rows, float(1 / shape_.temperature), logits_.data());
}

double TeacherObjective::evaluate(const DistributionRow& row, size_t place, bool with_gradient) {
  const size_t vocabulary = size_t(teacher_.model().head().rows);
  CHECK_EQ(vocabulary, row.logits.size());
  const std::span<float> own(logits_.data() + place * vocabulary, vocabulary);
  double loss = 0;
  if (shape_.top == 0) {
    loss = divergence(row.logits, own, shape_.beta, with_gradient);
  } else {
    thread_local TeacherRow top;
    top.tokens.clear(), top.log_probabilities.clear();
    top.log_tail = append_top(own, shape_.top, top.tokens, top.log_probabilities);
    loss = divergence(row.logits, {top.tokens, top.log_probabilities, top.log_tail}, shape_.tail,
                      shape_.beta, with_gradient);
  }
  return scaled(loss, row.logits, weight_, with_gradient);
}

KeptRowsObjective::KeptRowsObjective(const TrainingBatch& batch,
                                     const std::vector<TeacherRow>& rows,
                                     const DivergenceShape& shape, double weight)
    : rows_(rows), shape_(shape), weight_(weight) {
  int next = 0;
  for (int target : batch.targets) number_.push_back(target >= 0 ? next++ : -1);
  CHECK_EQ(size_t(next), rows.size());
}

double KeptRowsObjective::evaluate(const DistributionRow& row, size_t, bool with_gradient) {
  const TeacherRow& kept = rows_[size_t(number_[size_t(row.index)])];
  const double loss = divergence(row.logits, {kept.tokens, kept.log_probabilities, kept.log_tail},
                                 shape_.tail, shape_.beta, with_gradient);
  return scaled(loss, row.logits, weight_, with_gradient);
}

}  // namespace weir
