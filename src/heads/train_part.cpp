#include "heads/train_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"

namespace weir {

void PartRows::add(std::span<const float> states, std::vector<std::string> labels,
                   bool is_held_out) {
  row_size_ = states.size();
  states_.insert(states_.end(), states.begin(), states.end());
  labels_.push_back(std::move(labels));
  held_out_.push_back(is_held_out);
}

std::vector<int> PartRows::side(bool is_held_out) const {
  std::vector<int> rows;
  for (size_t i = 0; i < held_out_.size(); ++i)
    if (bool(held_out_[i]) == is_held_out) rows.push_back(int(i));
  return rows;
}

namespace {

constexpr double kPenalties[] = {0.03, 0.3, 3, 30};
constexpr double kFirstPenalty = 3;  // while blocks are compared
constexpr int kSteps = 300, kFirstSteps = 100;

// Mean 0 and deviation 1 in the rows that are trained on.
struct Standard {
  std::vector<float> mean, factor;
};

struct Side {
  std::vector<int> rows;
  std::vector<uint8_t> is_harmful;
  std::vector<float> x;  // [rows, 2 width], standardised
};

Side side_of(const PartRows& rows, bool is_held_out) {
  Side side;
  side.rows = rows.side(is_held_out);
  for (const int row : side.rows) side.is_harmful.push_back(!rows.labels(row).empty());
  return side;
}

// What does not count has the factor 0.
Standard standard_of(const PartRows& rows, const Side& side, StatePooling pooling, size_t begin,
                     size_t size) {
  std::vector<double> sum(size), squares(size);
  for (const int row : side.rows) {
    const std::span<const float> x = rows.states(row, begin, size);
    for (size_t d = 0; d < size; ++d) {
      sum[d] += x[d];
      squares[d] += double(x[d]) * x[d];
    }
  }
  Standard standard{std::vector<float>(size), std::vector<float>(size)};
  const double n = double(side.rows.size());
  for (size_t d = 0; d < size; ++d) {
    const double mean = sum[d] / n, variance = squares[d] / n - mean * mean;
    standard.mean[d] = float(mean);
    const StatePooling half = d < size / 2 ? StatePooling::last : StatePooling::mean;
    if (pooling == StatePooling::both || pooling == half)
      standard.factor[d] = float(1 / std::sqrt(std::max(variance, 1e-12)));
  }
  return standard;
}

void standardise(const PartRows& rows, const Standard& standard, size_t begin, Side& side) {
  const size_t size = standard.mean.size();
  side.x.resize(side.rows.size() * size);
  for (size_t i = 0; i < side.rows.size(); ++i) {
    const std::span<const float> x = rows.states(side.rows[i], begin, size);
    for (size_t d = 0; d < size; ++d)
      side.x[i * size + d] = (x[d] - standard.mean[d]) * standard.factor[d];
  }
}

std::vector<float> harm_targets(const Side& side) {
  return {side.is_harmful.begin(), side.is_harmful.end()};
}

std::vector<double> scores_of(const Side& side, const LogisticFit& fit, size_t size) {
  std::vector<double> scores;
  for (size_t i = 0; i < side.rows.size(); ++i)
    scores.push_back(kernels().dot(side.x.data() + i * size, fit.weights.data(), int(size)) +
                     fit.bias[0]);
  return scores;
}

LogisticFit fit_harm(const Side& side, size_t size, double penalty, int steps, ThreadPool& pool) {
  const std::vector<float> targets = harm_targets(side);
  return fit_logistic({side.x, targets, int(side.rows.size()), int(size), 1}, false, penalty, steps,
                      pool);
}

// Which category, among harmful rows; a row of several has an equal part of each.
LogisticFit fit_categories(const PartRows& rows, const Side& side,
                           const std::vector<std::string>& categories, size_t size, double penalty,
                           ThreadPool& pool) {
  std::vector<float> x, targets;
  int count = 0;
  for (size_t i = 0; i < side.rows.size(); ++i) {
    if (!side.is_harmful[i]) continue;
    ++count;
    x.insert(x.end(), side.x.begin() + long(i * size), side.x.begin() + long((i + 1) * size));
    const std::vector<std::string>& labels = rows.labels(side.rows[i]);
    for (const std::string& category : categories) {
      const bool has = std::find(labels.begin(), labels.end(), category) != labels.end();
      targets.push_back(has ? 1 / float(labels.size()) : 0);
    }
  }
  return fit_logistic({x, targets, count, int(size), int(categories.size())}, true, penalty, kSteps,
                      pool);
}

// Takes the standardisation into the weights: w (x - mean) f + b = (w f) x + (b - w f mean).
void fold(const LogisticFit& fit, const Standard& standard, ProbeWeights& weights) {
  const size_t size = standard.mean.size();
  for (size_t k = 0; k < fit.bias.size(); ++k) {
    double bias = fit.bias[k];
    for (size_t d = 0; d < size; ++d) {
      const float w = fit.weights[k * size + d] * standard.factor[d];
      weights.weights.push_back(w);
      bias -= double(w) * standard.mean[d];
    }
    weights.bias.push_back(float(bias));
  }
}

double share_of_right_categories(const PartRows& rows, const Side& side, const LogisticFit& fit,
                                 const std::vector<std::string>& categories, size_t size) {
  int right = 0, all = 0;
  for (size_t i = 0; i < side.rows.size(); ++i) {
    if (!side.is_harmful[i]) continue;
    size_t best = 0;
    float high = -INFINITY;
    for (size_t k = 0; k < categories.size(); ++k) {
      const float z =
          kernels().dot(side.x.data() + i * size, fit.weights.data() + k * size, int(size)) +
          fit.bias[k];
      if (z > high) best = k;
      high = std::max(high, z);
    }
    const std::vector<std::string>& labels = rows.labels(side.rows[i]);
    right += std::find(labels.begin(), labels.end(), categories[best]) != labels.end();
    ++all;
  }
  return double(right) / std::max(1, all);
}

Result<void> check_counts(const Side& side, const char* what) {
  const auto harmful = std::count(side.is_harmful.begin(), side.is_harmful.end(), 1);
  const auto harmless = std::count(side.is_harmful.begin(), side.is_harmful.end(), 0);
  if (std::min(harmful, harmless) < kRowsMin)
    return Error{
        fmt::format("{} rows: {} with labels and {} without; each needs {} at least. Give more "
                    "rows, or another "
                    "--held-out",
                    what, harmful, harmless, kRowsMin)};
  return {};
}

}  // namespace

Result<ProbeWeights> train_part(const PartRows& rows, const PartSettings& settings,
                                ThreadPool& pool) {
  const size_t size = 2 * size_t(settings.width);
  Side train = side_of(rows, false), held = side_of(rows, true);
  TRY(check_counts(train, "trained"));
  TRY(check_counts(held, "held-out"));
  const auto prepare = [&](size_t block) {
    const Standard standard = standard_of(rows, train, settings.pooling, block * size, size);
    standardise(rows, standard, block * size, train);
    standardise(rows, standard, block * size, held);
    return standard;
  };
  ProbeWeights weights;
  Json tried = Json::array();
  size_t best = 0;
  double high = -1;
  for (size_t b = 0; b < settings.blocks.size(); ++b) {
    prepare(b);
    const LogisticFit fit = fit_harm(train, size, kFirstPenalty, kFirstSteps, pool);
    const double area = area_under_curve(scores_of(held, fit, size), held.is_harmful);
    Json one = Json::object();
    one.set("block", settings.blocks[b]);
    one.set("auc", area);
    tried.push(std::move(one));
    if (area > high) best = b;
    high = std::max(high, area);
  }
  const Standard standard = prepare(best);
  LogisticFit harm;
  double penalty = 0;
  high = -1;
  for (const double l2 : kPenalties) {
    LogisticFit fit = fit_harm(train, size, l2, kSteps, pool);
    const double area = area_under_curve(scores_of(held, fit, size), held.is_harmful);
    if (area <= high) continue;
    high = area;
    penalty = l2;
    harm = std::move(fit);
  }
  const LogisticFit which = fit_categories(rows, train, settings.categories, size, penalty, pool);
  weights.block = settings.blocks[best];
  fold(harm, standard, weights);
  fold(which, standard, weights);

  const std::vector<double> scores = scores_of(held, harm, size);
  weights.scale = fit_platt(scores, held.is_harmful);
  std::vector<double> probabilities;
  for (const double score : scores) probabilities.push_back(weights.scale.probability(score));
  weights.false_positives = settings.false_positives;
  weights.threshold =
      std::clamp(threshold_at(probabilities, held.is_harmful, settings.false_positives), 0.0, 1.0);
  int caught = 0, harmful = 0;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    harmful += held.is_harmful[i];
    caught += held.is_harmful[i] && probabilities[i] >= weights.threshold;
  }
  weights.report.set("rows", int(train.rows.size()));
  weights.report.set("held_out", int(held.rows.size()));
  weights.report.set("blocks", std::move(tried));
  weights.report.set("penalty", penalty);
  weights.report.set("auc", high);
  weights.report.set("recall", double(caught) / harmful);
  weights.report.set("category_right",
                     share_of_right_categories(rows, held, which, settings.categories, size));
  return weights;
}

}  // namespace weir
