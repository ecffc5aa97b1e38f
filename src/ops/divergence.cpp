#include "ops/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"

namespace weir {
namespace {

// Of a tail without probability: about the least that exp in f32 tells from 0.
constexpr double kLeastLog = -87;

// Probabilities in `out`; returns log sum exp.
float softmax_into(std::span<const float> logits, std::vector<float>& out) {
  out.assign(logits.begin(), logits.end());
  const int n = int(logits.size());
  const float top = kernels().max(logits.data(), n);
  const float total = kernels().exp_sum(out.data(), top, n);
  kernels().scale(1 / total, out.data(), out.data(), n);
  return top + float(std::log(double(total)));
}

// One outcome's part of the divergence, and d divergence / d log p.
struct Term {
  double loss = 0, slope = 0;
};
Term term_of(double p, double log_p, double q, double log_q, double beta) {
  if (beta == 0) return {q > 0 ? q * (log_q - log_p) : 0, -q};
  if (beta == 1) return {p > 0 ? p * (log_p - log_q) : 0, p > 0 ? p * (log_p - log_q + 1) : 0};
  const double m = (1 - beta) * p + beta * q;
  if (!(m > 0)) return {};
  const double log_m = std::log(m);
  const double of_q = q > 0 ? beta * q * (log_q - log_m) : 0;
  const double of_p = p > 0 ? (1 - beta) * p * (log_p - log_m) : 0;
  return {of_q + of_p, of_p};  // d m / d p cancels d log p / d p
}

// log sum exp of log-probabilities.
double log_sum(const std::vector<double>& logs) {
  const double top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (double log : logs) sum += std::exp(log - top);
  return top + std::log(sum);
}

}  // namespace

double divergence(std::span<float> student, std::span<const float> teacher, double beta,
                  bool with_gradient) {
  const size_t n = student.size();
  thread_local std::vector<float> p, q;
  const float log_p = softmax_into(student, p), log_q = softmax_into(teacher, q);
  double loss = 0, kept = 0;  // kept: KL(p | m) for the gradient
  if (beta == 0) {
    for (size_t i = 0; i < n; ++i)
      if (q[i] > 0) loss += double(q[i]) * double((teacher[i] - log_q) - (student[i] - log_p));
    for (size_t i = 0; with_gradient && i < n; ++i) student[i] = p[i] - q[i];
    return loss;
  }
  if (beta == 1) {
    for (size_t i = 0; i < n; ++i)
      if (p[i] > 0) loss += double(p[i]) * double((student[i] - log_p) - (teacher[i] - log_q));
    const float mean = float(loss);
    for (size_t i = 0; with_gradient && i < n; ++i)
      student[i] = p[i] > 0 ? p[i] * ((student[i] - log_p) - (teacher[i] - log_q) - mean) : 0;
    return loss;
  }
  const double rest = 1 - beta;
  for (size_t i = 0; i < n; ++i) {
    const double m = rest * double(p[i]) + beta * double(q[i]);
    const double log_m = m > 0 ? std::log(m) : 0;
    const double over = p[i] > 0 ? double(student[i] - log_p) - log_m : 0;
    if (q[i] > 0) loss += beta * double(q[i]) * (double(teacher[i] - log_q) - log_m);
    loss += rest * double(p[i]) * over;
    kept += double(p[i]) * over;
    q[i] = float(over);
  }
  for (size_t i = 0; with_gradient && i < n; ++i)
    student[i] = float(rest * double(p[i]) * (double(q[i]) - kept));
  return loss;
}

double divergence(std::span<float> student, const SparseRow& teacher, DivergenceTail tail,
                  double beta, bool with_gradient) {
  const size_t n = student.size(), named = teacher.tokens.size();
  if (named == 0) return 0;
  thread_local std::vector<float> p;
  const float log_total = softmax_into(student, p);
  const bool has_tail = tail == DivergenceTail::bucket && named < n;
  thread_local std::vector<double> mine, theirs, slopes;  // logs of the named tokens
  mine.clear(), theirs.clear(), slopes.clear();
  for (size_t k = 0; k < named; ++k) {
    const size_t token = size_t(teacher.tokens[k]);
    mine.push_back(double(student[token] - log_total));
    theirs.push_back(double(teacher.log_probabilities[k]));
    p[token] = 0;
  }
  const double shift_mine = has_tail ? 0 : log_sum(mine);
  const double shift_theirs = has_tail ? 0 : log_sum(theirs);
  double loss = 0, slope_sum = 0, per_tail = 0;
  for (size_t k = 0; k < named; ++k) {
    const double a = mine[k] -= shift_mine, b = theirs[k] -= shift_theirs;
    const Term term = term_of(std::exp(a), a, std::exp(b), b, beta);
    loss += term.loss;
    slopes.push_back(term.slope), slope_sum += term.slope;
  }
  if (has_tail) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += double(p[i]);
    const double b = std::max(double(teacher.log_tail), kLeastLog);
    const double a = sum > 0 ? std::max(std::log(sum), kLeastLog) : kLeastLog;
    const Term term = term_of(std::exp(a), a, std::exp(b), b, beta);
    loss += term.loss;
    slope_sum += term.slope;
    per_tail = sum > 0 ? term.slope / sum - slope_sum : 0;
  }
  if (!with_gradient) return loss;
  // d log p_k / d z_i = [i = k] - p_i; of the tail [i in the tail] p_i / p_tail - p_i. Without a
  // tail only the named tokens take part.
  for (size_t i = 0; i < n; ++i) student[i] = has_tail ? float(double(p[i]) * per_tail) : 0;
  for (size_t k = 0; k < named; ++k)
    student[size_t(teacher.tokens[k])] = float(slopes[k] - std::exp(mine[k]) * slope_sum);
  return loss;
}

float append_top(std::span<float> logits, int count, std::vector<int>& tokens,
                 std::vector<float>& log_probabilities) {
  const int n = int(logits.size()), kept = std::min(count, n);
  thread_local std::vector<int> order;
  const auto is_better = [&](int a, int b) {
    const float x = logits[size_t(a)], y = logits[size_t(b)];
    return x > y || (x == y && a < b);
  };
  // A heap whose front is the worst of the best so far.
  order.clear();
  for (int i = 0; i < n; ++i) {
    if (int(order.size()) < kept) {
      order.push_back(i);
      std::push_heap(order.begin(), order.end(), is_better);
    } else if (kept > 0 && is_better(i, order.front())) {
      std::pop_heap(order.begin(), order.end(), is_better);
      order.back() = i;
      std::push_heap(order.begin(), order.end(), is_better);
    }
  }
  std::sort_heap(order.begin(), order.end(), is_better);
  const size_t first = log_probabilities.size();
  for (int token : order) {
    tokens.push_back(token);
    log_probabilities.push_back(logits[size_t(token)]);
  }
  const float top = kernels().max(logits.data(), n);
  const double log_total = std::log(double(kernels().exp_sum(logits.data(), top, n)));
  for (size_t k = first; k < log_probabilities.size(); ++k)
    log_probabilities[k] -= top + float(log_total);
  for (int token : order) logits[size_t(token)] = 0;
  double rest = 0;
  for (float part : logits) rest += double(part);
  return rest > 0 ? float(std::log(rest) - log_total) : -std::numeric_limits<float>::infinity();
}

}  // namespace weir
