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

// A further module's, whatever number its layer has in the model.
class ModuleCache final : public NoCache {
 public:
  using NoCache::NoCache;
  CacheView view(int, int sequence) override { return NoCache::view(0, sequence); }
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
  const auto layout = CacheLayout::make(cache_widths(further_config(model.config())), shape.cache,
                                        shape.cache_type);
  CHECK(layout.has_value());
  ModuleCache own(*layout, shape.positions);
  // States are copied into it, and it makes a guess from its own before logits.
  return measure(model, shape, threads, [&](Run& run, Tensor hidden) {
    run.cache = &own;
    Tensor copy = run.make(hidden.rows, model.further_width());
    hidden = model.predict_further(run, copy, next, 0);
    model.logits(run, hidden, sampled);
  });
}

size_t block_pass_bytes(const Model& model, int rows, int sequences, int threads, bool exact) {
  const ModelConfig& config = model.config();
  Arena arena{Arena::Measuring{}};
  ThreadPool pool{ThreadPool::Dry{threads}};
  // Of so many segments of so many rows, whose last position is the last that there is.
  const auto run_over = [&](int segments, int count, const std::function<void(Run&)>& pass) {
    const std::vector<int> tokens(size_t(segments) * size_t(count), 0);
    std::vector<int> positions, ids;
    for (int i = 0; i < segments * count; ++i) {
      positions.push_back(config.max_position_embeddings - count + i % count);
      ids.push_back(i / count);
    }
    const Batch batch(tokens, positions, ids);
    Run run{arena, pool, batch};
    run.exact = exact;
    arena.reset();
    pass(run);
  };
  run_over(rows, 1,
           [&](Run& run) { model.draft_context(run, run.make(rows, model.further_width())); });
  const int window = config.sliding_window, width = config.dspark_stages() * config.head_dim;
  std::vector<int> begins, ends;
  for (int i = 0; i < sequences; ++i)
    begins.push_back(i * window), ends.push_back((i + 1) * window);
  const std::vector<int> before(size_t(sequences), 0);
  run_over(sequences, config.dspark_block_size, [&](Run& run) {
    const Tensor context = run.make(sequences * window, width);
    const Tensor hidden = model.draft_hidden(run, {context, begins.data(), ends.data()});
    (void)model.draft_logits(run, hidden);
    const Tensor picked = run.make(sequences, hidden.cols);
    (void)model.draft_confidence(run, picked, before);
    (void)model.draft_bias(run, run.make(sequences, config.vocab_size), before);
  });
  return arena.peak();
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
