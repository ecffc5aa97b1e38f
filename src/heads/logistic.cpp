#include "heads/logistic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/kernels.h"

namespace weir {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

// The largest eigenvalue of X^T X / rows, by power iteration; a tenth more, because that comes from
// below.
double largest_eigenvalue(const LogisticRows& r, ThreadPool& pool) {
  std::vector<float> v(size_t(r.features), 1 / std::sqrt(float(r.features)));
  std::vector<float> products(size_t(r.rows));
  double value = 1;
  for (int i = 0; i < 12; ++i) {
    pool.parallel_for(r.rows, [&](int row, int) {
      const float* x = r.x.data() + size_t(row) * size_t(r.features);
      products[size_t(row)] = kernels().dot(x, v.data(), r.features);
    });
    std::fill(v.begin(), v.end(), 0.f);
    for (int row = 0; row < r.rows; ++row)
      kernels().axpy(products[size_t(row)], r.x.data() + size_t(row) * size_t(r.features), v.data(),
                     r.features);
    const double length = std::sqrt(double(kernels().dot(v.data(), v.data(), r.features)));
    if (length == 0) return 1;
    value = length / r.rows;
    kernels().scale(float(1 / length), v.data(), v.data(), r.features);
  }
  return 1.1 * value;
}

// errors[row][output] = prediction - target, over the rows' number.
void find_errors(const LogisticRows& r, const std::vector<float>& weights,
                 const std::vector<float>& bias, bool is_softmax, std::vector<float>& errors,
                 ThreadPool& pool) {
  const size_t outputs = size_t(r.outputs), features = size_t(r.features);
  pool.parallel_for(r.rows, [&](int row, int) {
    float* e = errors.data() + size_t(row) * outputs;
    const float* x = r.x.data() + size_t(row) * features;
    double high = -1e30, sum = 0;
    for (size_t k = 0; k < outputs; ++k) {
      e[k] = kernels().dot(x, weights.data() + k * features, r.features) + bias[k];
      high = std::max(high, double(e[k]));
    }
    for (size_t k = 0; is_softmax && k < outputs; ++k) sum += std::exp(e[k] - high);
    for (size_t k = 0; k < outputs; ++k) {
      const double p = is_softmax ? std::exp(e[k] - high) / sum : sigmoid(e[k]);
      e[k] = float((p - r.targets[size_t(row) * outputs + k]) / r.rows);
    }
  });
}

}  // namespace

LogisticFit fit_logistic(const LogisticRows& r, bool is_softmax, double l2, int steps,
                         ThreadPool& pool) {
  const size_t outputs = size_t(r.outputs), features = size_t(r.features);
  // The bias is a feature of 1: with it the curvature is at most (eigenvalue + 1) / 4, of a softmax
  // twice that (Boehning 1992).
  const double curvature = (largest_eigenvalue(r, pool) + 1) * (is_softmax ? 0.5 : 0.25) + l2;
  const float step = float(1 / curvature);
  LogisticFit fit{std::vector<float>(outputs * features, 0.f), std::vector<float>(outputs, 0.f)};
  std::vector<float> ahead = fit.weights, ahead_bias = fit.bias;
  std::vector<float> errors(size_t(r.rows) * outputs), largest(outputs);
  double t = 1;
  for (int i = 0; i < steps; ++i) {
    find_errors(r, ahead, ahead_bias, is_softmax, errors, pool);
    const double next_t = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    const float momentum = float((t - 1) / next_t);
    t = next_t;
    pool.parallel_for(r.outputs, [&](int output, int) {
      const size_t k = size_t(output);
      std::vector<float> gradient(features);
      float* w = fit.weights.data() + k * features;
      float* v = ahead.data() + k * features;
      for (size_t d = 0; d < features; ++d) gradient[d] = float(l2) * v[d];
      float bias = 0;
      for (int row = 0; row < r.rows; ++row) {
        const float e = errors[size_t(row) * outputs + k];
        kernels().axpy(e, r.x.data() + size_t(row) * features, gradient.data(), r.features);
        bias += e;
      }
      largest[k] = std::abs(bias);
      for (size_t d = 0; d < features; ++d) {
        const float now = v[d] - step * gradient[d];
        largest[k] = std::max(largest[k], std::abs(gradient[d]));
        v[d] = now + momentum * (now - w[d]);
        w[d] = now;
      }
      const float now = ahead_bias[k] - step * bias;
      ahead_bias[k] = now + momentum * (now - fit.bias[k]);
      fit.bias[k] = now;
    });
    if (*std::max_element(largest.begin(), largest.end()) < 1e-4f) break;
  }
  return fit;
}

double PlattScale::probability(double z) const { return sigmoid(a * z + b); }

PlattScale fit_platt(std::span<const double> scores, std::span<const uint8_t> is_positive) {
  const double positives = double(std::count(is_positive.begin(), is_positive.end(), 1));
  const double negatives = double(is_positive.size()) - positives;
  const double high = (positives + 1) / (positives + 2), low = 1 / (negatives + 2);
  PlattScale scale{0, std::log((positives + 1) / (negatives + 1))};
  const auto loss = [&](const PlattScale& s) {
    double sum = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      const double z = s.a * scores[i] + s.b, target = is_positive[i] ? high : low;
      sum += std::max(z, 0.0) - z * target + std::log1p(std::exp(-std::abs(z)));
    }
    return sum;
  };
  double current = loss(scale);
  for (int i = 0; i < 100; ++i) {
    double ga = 0, gb = 0, haa = 1e-12, hab = 0, hbb = 1e-12;
    for (size_t k = 0; k < scores.size(); ++k) {
      const double p = scale.probability(scores[k]);
      const double error = p - (is_positive[k] ? high : low), weight = p * (1 - p);
      ga += error * scores[k];
      gb += error;
      haa += weight * scores[k] * scores[k];
      hab += weight * scores[k];
      hbb += weight;
    }
    if (std::abs(ga) < 1e-6 && std::abs(gb) < 1e-6) break;
    const double det = haa * hbb - hab * hab;
    const double da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
    double step = 1;
    for (; step > 1e-10; step /= 2) {
      const PlattScale next{scale.a - step * da, scale.b - step * db};
      const double value = loss(next);
      if (value > current) continue;
      scale = next;
      current = value;
      break;
    }
    if (step <= 1e-10) break;
  }
  return scale;
}

double area_under_curve(std::span<const double> scores, std::span<const uint8_t> is_positive) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  double wins = 0, positives = 0, negatives = 0;
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    double ties[2] = {0, 0};
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end)
      ++ties[is_positive[order[end]] ? 1 : 0];
    wins += ties[1] * (negatives + ties[0] / 2);
    positives += ties[1];
    negatives += ties[0];
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : 0.5;
}

double threshold_at(std::span<const double> scores, std::span<const uint8_t> is_positive,
                    double rate) {
  std::vector<double> negatives;
  for (size_t i = 0; i < scores.size(); ++i)
    if (!is_positive[i]) negatives.push_back(scores[i]);
  std::sort(negatives.rbegin(), negatives.rend());
  const size_t allowed = size_t(rate * double(negatives.size()));
  if (allowed >= negatives.size()) return -std::numeric_limits<double>::infinity();
  return std::nextafter(negatives[allowed], std::numeric_limits<double>::infinity());
}

}  // namespace weir
