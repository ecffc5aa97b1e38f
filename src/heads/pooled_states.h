// What heads see of a text: the hidden state of its last token and the mean of all its tokens', of
// one block of the model. Each state is divided by its root mean square first, because some tokens
// (the first one of Qwen2) have states a thousand times longer than others.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"

namespace weir {

// Of the tokens of a text so far.
class PooledState {
 public:
  explicit PooledState(int width) : last_(size_t(width)), sum_(size_t(width)) {}
  void push(std::span<const float> hidden);
  int tokens() const { return tokens_; }
  // The last state, then the mean: out[0 .. 2 width).
  void write(std::span<float> out) const;
  std::span<const float> last() const { return last_; }
  std::span<const float> sum() const { return sum_; }

 private:
  std::vector<float> last_, sum_;
  int tokens_ = 0;
};

// A text whose states are wanted after some of its tokens.
struct StateText {
  std::vector<int> tokens = {};
  int begin = 0;               // the first token that counts; those before it are only read
  std::vector<int> cuts = {};  // ascending, in (begin, tokens]: pooled are tokens begin .. cut - 1
};

// Computes pooled states of many texts, a few thousand tokens a pass, without a cache. The same
// bits as in an engine whose cache is expanded, in f32.
class StateReader {
 public:
  // Model and pool outlive it. `exact`: Run::exact.
  StateReader(const Model& model, ThreadPool& pool, bool exact)
      : model_(model), pool_(pool), exact_(exact) {}
  // For each text, cut and block in this order 2 * hidden_size numbers, appended to `out`. -1:
  // after the final norm.
  Result<void> read(std::span<const StateText> texts, std::span<const int> blocks,
                    std::vector<float>& out);

  static constexpr int kRows = 1024;  // tokens of a pass, at least one text

 private:
  Result<void> pass(std::span<const StateText> texts, std::span<const int> blocks,
                    std::span<float> out);

  const Model& model_;
  ThreadPool& pool_;
  const bool exact_;
  std::unique_ptr<Arena> arena_;
};

}  // namespace weir
