// Test support: checks the backward of an operation against finite differences of its forward.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "ops/ops.h"
#include "tensor/packed.h"

namespace weir::testing {

// Inputs and weights of one case, with values; forward() may be called again after values moved.
struct Case {
  std::string name = {};
  // Lengths of the packed sequences of the batch.
  std::vector<int> lengths = {5, 1, 9};
  // Where they branch off: at which position of the last whole one; 0 or not given: whole.
  std::vector<int> branches = {};
  struct Variable {
    std::string name;
    int rows, cols;
    float spread = 1, center = 0;
    int groups = 1;
    std::vector<float> values = {};  // drawn when empty
  };
  std::vector<Variable> inputs = {}, weights = {};
  // Output whose elements, times fixed random numbers, make the loss; or an empty tensor and the
  // loss itself through `value` (operations that end the tape).
  std::function<Tensor(Run&, std::vector<Tensor>&, std::deque<Matrix>&, double& value)> forward =
      {};
  bool can_repeat = true;  // may be applied twice to the same inputs (no shared residual gradient)
  double tolerance = 2e-3;
};

class GradientCheck {
 public:
  explicit GradientCheck(Case c, int threads = 2)
      : case_(std::move(c)), arena_(size_t(1) << 32), pool_(threads) {
    int root = 0;
    for (size_t s = 0; s < case_.lengths.size(); ++s) {
      const int from = s < case_.branches.size() ? case_.branches[s] : 0;
      if (from == 0) root = int(tokens_.size());
      for (int t = 0; t < case_.lengths[s]; ++t) {
        tokens_.push_back((int(tokens_.size()) * 7 + 3) % 11);
        positions_.push_back(from + t);
        sequences_.push_back(int(s));
        roots_.push_back(from == 0 ? -1 : root);
      }
    }
    batch_ = Batch(tokens_, positions_, sequences_, roots_);
    uint64_t stream = 1;
    for (auto* list : {&case_.inputs, &case_.weights})
      for (Case::Variable& v : *list) {
        Random random(17, stream++);
        if (v.rows == 0) v.rows = int(tokens_.size());
        if (v.values.empty())
          for (int i = 0; i < v.rows * v.cols; ++i)
            v.values.push_back(v.center + v.spread * random.normal());
      }
    for (Case::Variable& v : case_.weights) {
      gradients_.emplace_back(v.values.size());
      Parameter& p = parameters_.emplace_back();
      p.name = v.name, p.rows = v.rows, p.cols = v.cols, p.groups = v.groups;
      p.data = v.values.data(), p.grad = gradients_.back().data();
      Matrix& w = weights_.emplace_back(Matrix::of(p));
      w.packed = &packed_.emplace_back(w, true);
    }
  }

  // Every input and weight along random directions and in single elements; the operation used once
  // and, where it may be, twice (the second use must add to gradients the first one stored).
  void run() {
    for (int uses = 1; uses <= (case_.can_repeat ? 2 : 1); ++uses) {
      SCOPED_TRACE(case_.name + std::string(uses == 2 ? ", used twice" : ""));
      backward(uses);
      size_t variable = 0;
      for (Case::Variable& v : case_.inputs) check(v, input_gradients_[variable++], uses);
      variable = 0;
      for (Case::Variable& v : case_.weights) check(v, gradients_[variable++], uses);
    }
  }

 private:
  double loss(Run& run, std::vector<Tensor>& inputs, bool seed_gradient) {
    double value = 0;
    Tensor y = case_.forward(run, inputs, weights_, value);
    value += run.aux_loss;
    run.aux_loss = 0;
    if (!y.data) return value;
    Random random(99, 7);
    bool add = seed_gradient && y.accumulate();
    for (int r = 0; r < y.rows; ++r)
      for (int c = 0; c < y.cols; ++c) {
        float factor = random.normal();
        value += double(factor) * double(y.row(r)[c]);
        if (seed_gradient) y.grad_row(r)[c] = add ? y.grad_row(r)[c] + factor : factor;
      }
    return value;
  }

  std::vector<Tensor> make_inputs(Run& run) {
    std::vector<Tensor> inputs;
    for (const Case::Variable& v : case_.inputs) {
      Tensor t = run.make(v.rows, v.cols);
      std::copy(v.values.begin(), v.values.end(), t.data);
      inputs.push_back(t);
    }
    return inputs;
  }

  void pack() {
    for (Packed& packed : packed_) {
      packed.source_changed();
      packed.pack(pool_);
    }
  }

  void backward(int uses) {
    arena_.reset();
    for (auto& g : gradients_) std::fill(g.begin(), g.end(), 0.f);
    pack();
    Tape tape(arena_);
    Run run{arena_, pool_, batch_};
    run.tape = &tape;
    std::vector<Tensor> inputs = make_inputs(run);
    for (int u = 0; u < uses; ++u) loss(run, inputs, true);
    tape.backward();
    input_gradients_.clear();
    for (const Tensor& t : inputs) {
      std::vector<float> g(size_t(t.rows) * size_t(t.cols));
      if (t.reached()) std::copy(t.grad, t.grad + g.size(), g.begin());
      input_gradients_.push_back(std::move(g));
    }
  }

  double forward_loss() {
    arena_.reset();
    pack();
    Run run{arena_, pool_, batch_};
    std::vector<Tensor> inputs = make_inputs(run);
    return loss(run, inputs, false);
  }

  // Fourth-order central difference along `direction`.
  double slope(Case::Variable& v, const std::vector<float>& direction) {
    const float h = 0.02f;
    std::vector<float> keep = v.values;
    auto at = [&](float step) {
      for (size_t i = 0; i < keep.size(); ++i) v.values[i] = keep[i] + step * direction[i];
      return forward_loss();
    };
    double result = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * double(h));
    v.values = keep;
    std::copy(keep.begin(), keep.end(), v.values.begin());
    return result;
  }

  void check(Case::Variable& v, const std::vector<float>& gradient, int uses) {
    double norm = 0;
    for (float g : gradient) norm += double(g) * double(g);
    norm = std::sqrt(norm);
    Random random(5, v.values.size());
    std::vector<float> direction(v.values.size());
    for (int trial = 0; trial < 10; ++trial) {
      std::fill(direction.begin(), direction.end(), 0.f);
      double length = 0;
      if (trial < 4)  // dense, of the length of one element
        for (float& d : direction) {
          d = random.normal();
          length += double(d) * double(d);
        }
      else
        length = double(direction[random.below(direction.size())] = 1);
      double expected = 0;
      for (size_t i = 0; i < direction.size(); ++i) {
        direction[i] /= float(std::sqrt(length));
        expected += double(direction[i]) * double(gradient[i]);
      }
      double measured = uses * slope(v, direction);
      // The second term allows for rounding of the forward where the slope is nearly zero.
      double allowed = case_.tolerance * (std::fabs(expected) + 0.05 * norm) + 1e-4;
      EXPECT_NEAR(measured, expected, allowed) << v.name << ", trial " << trial;
    }
  }

  Case case_;
  Arena arena_;
  ThreadPool pool_;
  std::vector<int> tokens_, positions_, sequences_, roots_;
  Batch batch_;
  std::deque<Parameter> parameters_;
  std::deque<Matrix> weights_;
  std::deque<Packed> packed_;
  std::deque<std::vector<float>> gradients_;
  std::vector<std::vector<float>> input_gradients_;
};

}  // namespace weir::testing
