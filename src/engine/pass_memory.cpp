#include "engine/pass_memory.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "base/div_up.h"
#include "engine/kv_cache.h"

namespace weir {
namespace {

// A cache of any number of sequences without memory: a dry run writes no rows and reads none.
class NoCache : public Cache {
 public:
  NoCache(const CacheLayout& layout, int positions)
      : layout_(layout), pages_(size_t(div_up(positions, kCachePage))) {}
  CacheForm form() const override { return layout_.form; }
  CacheView view(int layer, int) override {
    return view_of(layout_, layer, pages_.data(), int(pages_.size()) * kCachePage, pages_.data());
  }

 private:
  const CacheLayout& layout_;
  std::vector<float*> pages_;
};

// `then` is what follows the hidden states of the last layer.
size_t measure(const Model& model, const PassShape& shape, int threads,
               const std::function<void(Run& run, Tensor hidden)>& then) {
  // The last rows of as many sequences as it takes: what a row needs grows with its position, and
  // nothing depends on the sequence it belongs to.
  std::vector<int> tokens(size_t(shape.rows), 0), positions, sequences;
  for (int sequence = 0; int(positions.size()) < shape.rows; ++sequence) {
    const int count = std::min(shape.positions, shape.rows - int(positions.size()));
    for (int i = 0; i < count; ++i) {
      positions.push_back(shape.positions - count + i);
      sequences.push_back(sequence);
    }
  }
  Arena arena{Arena::Measuring{}};
  ThreadPool pool{ThreadPool::Dry{threads}};
  const auto layout =
      CacheLayout::make(cache_widths(model.config()), shape.cache, shape.cache_type);
  CHECK(layout.has_value());
  NoCache cache(*layout, shape.positions);
  const Batch batch(tokens, positions, sequences);
  Run run{arena, pool, batch};
  run.cache = &cache;
  run.exact = shape.exact;
  then(run, model.forward(run));
  return arena.peak();
}

}  // namespace

size_t pass_bytes(const Model& model, const PassShape& shape, int threads) {
  std::vector<int> sampled(size_t(std::min(shape.sampled, shape.rows)));
  std::iota(sampled.begin(), sampled.end(), 0);
  return measure(model, shape, threads, [&](Run& run, Tensor hidden) {
    if (!sampled.empty()) model.logits(run, hidden, sampled);
  });
}

size_t further_pass_bytes(const Model& model, const PassShape& shape, int threads) {
  std::vector<int> sampled(size_t(std::min(shape.sampled, shape.rows)));
  std::iota(sampled.begin(), sampled.end(), 0);
  const std::vector<int> next(size_t(shape.rows), 0);
  // Hidden states are copied into it, and it makes a guess from its own before logits.
  return measure(model, shape, threads, [&](Run& run, Tensor hidden) {
    Tensor copy = run.make(hidden.rows, hidden.cols);
    hidden = model.predict_further(run, copy, next, 0);
    model.logits(run, hidden, sampled);
  });
}

size_t scoring_bytes(const Model& model, int rows, int positions, CacheForm cache, CacheType type,
                     int threads) {
  size_t most = 0;
  const std::vector<int> targets(size_t(rows), 0);
  for (bool exact : {false, true}) {
    const PassShape shape{rows, 0, positions, cache, exact, type};
    const size_t logits =
        measure(model, shape, threads, [&](Run& run, Tensor hidden) { model.logits(run, hidden); });
    const size_t loss = measure(model, shape, threads, [&](Run& run, Tensor hidden) {
      cross_entropy(run, hidden, model.head(), targets, 1);
    });
    most = std::max({most, logits, loss});
  }
  return most;
}

}  // namespace weir
