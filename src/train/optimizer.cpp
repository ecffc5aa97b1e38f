#include "train/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/zones.h"

namespace weir {
namespace {

// Four arrays of this many floats are 256 KiB: within the L2 cache of one core.
constexpr size_t kChunk = 16384;

// By repeated multiplication: the same bits whatever the C library.
double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base)
    if (exponent & 1) result *= base;
  return result;
}

double square_sum(const float* x, size_t n) {
  double lanes[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) lanes[j] += double(x[i + j]) * double(x[i + j]);
  for (size_t j = 0; i < n; ++i, ++j) lanes[j] += double(x[i]) * double(x[i]);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

}  // namespace

bool is_hidden_matrix(const Parameter& weight) {
  return weight.group_rows() > 1 && weight.cols > 1 && !weight.is_embedding && weight.decays &&
         weight.name != "lm_head.weight" && !weight.name.ends_with(".mlp.gate.weight");
}

bool is_ngram_table(const Parameter& weight) { return weight.is_embedding && !weight.decays; }

double clip_scale(double norm, double clip) { return clip > 0 && norm > clip ? clip / norm : 1; }

Optimizer::Optimizer(const OptimizerRecipe& options, const std::vector<Parameter*>& parameters)
    : options_(options) {
  for (Parameter* w : parameters) {
    if (!w->grad) continue;  // frozen
    parameters_.push_back(w);
    if (options_.kind == OptimizerKind::muon && is_hidden_matrix(*w)) {
      float* momentum = make_moment(*w, "muon");
      const size_t group = size_t(w->group_rows()) * size_t(w->cols);
      for (int g = 0; g < w->groups; ++g) {
        const size_t at = size_t(g) * group;
        muon_.add({w->f32() + at, w->grad + at, momentum + at, w->group_rows(), w->cols});
      }
      continue;
    }
    float* first = make_moment(*w, "adam_m");
    float* second = make_moment(*w, "adam_v");
    const int row = is_ngram_table(*w) ? w->cols : 0;
    const size_t each = row > 0 ? std::max<size_t>(1, kChunk / size_t(row)) * size_t(row) : kChunk;
    for (size_t at = 0; at < w->count(); at += each)
      chunks_.push_back({w->f32() + at, w->grad + at, first + at, second + at,
                         std::min(each, w->count() - at), w->decays, row});
  }
}

float* Optimizer::make_moment(const Parameter& weight, const char* suffix) {
  float* data = memory_.emplace_back(weight.count() * sizeof(float)).floats();
  moments_.push_back({weight.name + "." + suffix,
                      {uint64_t(weight.rows), uint64_t(weight.cols)},
                      data,
                      weight.count()});
  return data;
}

double Optimizer::gradient_norm(ThreadPool& pool) const {
  const Zone zone("optimizer.norm");
  std::vector<std::pair<const float*, size_t>> parts;
  for (const Parameter* w : parameters_)
    for (size_t at = 0; at < w->count(); at += kChunk)
      parts.emplace_back(w->grad + at, std::min(kChunk, w->count() - at));
  std::vector<double> sums(parts.size());
  pool.parallel_for(int(parts.size()), [&](int i, int) {
    sums[size_t(i)] = square_sum(parts[size_t(i)].first, parts[size_t(i)].second);
  });
  double sum = 0;
  for (double s : sums) sum += s;
  return std::sqrt(sum);
}

std::string Optimizer::first_not_finite() const {
  for (const Parameter* w : parameters_)
    for (size_t i = 0; i < w->count(); ++i)
      if (!std::isfinite(w->grad[i]))
        return fmt::format("the gradient of tensor '{}' at row {}, column {}", w->name,
                           i / size_t(w->cols), i % size_t(w->cols));
  return "";
}

void Optimizer::update(ThreadPool& pool, int64_t step, double lr, double gradient_scale) {
  const Zone zone("optimizer.update");
  AdamW decaying{};
  decaying.lr = float(lr);
  decaying.beta1 = float(options_.beta1);
  decaying.beta2 = float(options_.beta2);
  decaying.epsilon = float(options_.epsilon);
  decaying.weight_decay = float(options_.weight_decay);
  // Kingma and Ba 2015, algorithm 1: the moments start at 0 and are corrected for it.
  decaying.correction1 = float(1 / (1 - power(options_.beta1, step + 1)));
  decaying.correction2 = float(1 / (1 - power(options_.beta2, step + 1)));
  decaying.gradient_scale = float(gradient_scale);
  AdamW plain = decaying;
  plain.weight_decay = 0;
  AdamW of_tables = plain;
  of_tables.lr = float(lr * kTableRate);
  pool.parallel_for(int(chunks_.size()), [&](int i, int) {
    const Chunk& c = chunks_[size_t(i)];
    const size_t row = size_t(c.row);
    for (size_t at = 0; row > 0 && at < c.count; at += row) {
      const float* gradient = c.gradient + at;
      if (std::any_of(gradient, gradient + row, [](float g) { return g != 0; }))
        kernels().adamw(c.weight + at, gradient, c.first + at, c.second + at, row, of_tables);
    }
    if (row > 0) return;
    kernels().adamw(c.weight, c.gradient, c.first, c.second, c.count, c.decays ? decaying : plain);
  });
  muon_.update(pool, {float(lr), float(options_.momentum), float(options_.weight_decay),
                      float(gradient_scale)});
}

}  // namespace weir
