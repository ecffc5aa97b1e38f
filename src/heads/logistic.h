// Logistic regression with an L2 penalty: several outputs over the same rows, each a class of its
// own (sigmoid) or all of them one choice (softmax). Nesterov's accelerated gradient with the step
// 1 / L, L a bound of the curvature, so that nothing is drawn and nothing has to be tuned.
#pragma once
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace weir {

struct LogisticRows {
  std::span<const float> x;        // [rows, features], standardised
  std::span<const float> targets;  // [rows, outputs] in [0, 1]; of a softmax they sum to 1
  int rows = 0, features = 0, outputs = 1;
};

struct LogisticFit {
  std::vector<float> weights;  // [outputs, features]
  std::vector<float> bias;     // [outputs]
};

// Minimises mean cross entropy + l2 / 2 |weights|^2; biases are free. Stops where no gradient
// exceeds 1e-4, or after `steps`. The same numbers for any number of threads.
LogisticFit fit_logistic(const LogisticRows& rows, bool is_softmax, double l2, int steps,
                         ThreadPool& pool);

// p = sigmoid(a z + b) of scores z, fitted by Newton's method with Platt's targets (Platt 1999;
// Lin, Lin and Weng 2007), so that few rows do not make it certain.
struct PlattScale {
  double a = 1, b = 0;
  double probability(double z) const;
};
PlattScale fit_platt(std::span<const double> scores, std::span<const uint8_t> is_positive);

// Area under the ROC curve: how often a positive scores above a negative, ties a half.
double area_under_curve(std::span<const double> scores, std::span<const uint8_t> is_positive);

// The lowest threshold at which at most `rate` of the negatives score at or above it.
double threshold_at(std::span<const double> scores, std::span<const uint8_t> is_positive,
                    double rate);

}  // namespace weir
