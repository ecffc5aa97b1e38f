#include "generate/scorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "generate/pass_memory.h"

namespace weir {

Result<std::unique_ptr<Scorer>> Scorer::create(const Model& model, ThreadPool& pool,
                                               int positions_max, CacheForm form, int chunk) {
  CHECK_LT(0, chunk);
  KvCache cache = TRY(KvCache::create(model.config(), form, size_t(1) << 50));
  if (positions_max < 1 || positions_max > cache.positions_max())
    return Error{fmt::format("a text of {} tokens does not fit the model's context of {}",
                             positions_max, cache.positions_max())};
  return std::unique_ptr<Scorer>(
      new Scorer(model, pool, std::move(cache), std::min(chunk, positions_max)));
}

Scorer::Scorer(const Model& model, ThreadPool& pool, KvCache cache, int chunk)
    : model_(model),
      pool_(pool),
      cache_(std::move(cache)),
      chunk_(chunk),
      arena_(pass_bytes(model.config(), chunk, pool.threads())) {}

Result<void> Scorer::run(
    std::span<const int> tokens,
    const std::function<Result<void>(Run& run, int first, Tensor hidden)>& on_hidden) {
  for (int token : tokens)
    if (token < 0 || token >= model_.config().vocab_size)
      return Error{fmt::format("token {} is outside the model's {} tokens", token,
                               model_.config().vocab_size)};
  cache_.release(0);
  TRY(cache_.reserve(0, int(tokens.size())));
  std::vector<int> positions(static_cast<size_t>(chunk_));
  const std::vector<int> sequences(positions.size(), 0);
  for (int first = 0; first < int(tokens.size()); first += chunk_) {
    const size_t rows = std::min(size_t(chunk_), tokens.size() - size_t(first));
    std::iota(positions.begin(), positions.end(), first);
    arena_.reset();
    const Batch batch(tokens.subspan(size_t(first), rows), std::span(positions).first(rows),
                      std::span(sequences).first(rows));
    Run pass{arena_, pool_, batch, &cache_};
    pass.observer = observer;
    TRY(on_hidden(pass, first, model_.forward(pass)));
  }
  return {};
}

Result<void> Scorer::logits(std::span<const int> tokens,
                            const std::function<Result<void>(int first, Tensor rows)>& on_rows) {
  return run(tokens, [&](Run& pass, int first, Tensor hidden) {
    return on_rows(first, model_.logits(pass, hidden));
  });
}

Result<std::vector<float>> Scorer::log_probabilities(std::span<const int> tokens) {
  std::vector<float> all(tokens.size()), of_chunk(static_cast<size_t>(chunk_));
  std::vector<int> targets(static_cast<size_t>(chunk_));
  TRY(run(tokens, [&](Run& pass, int first, Tensor hidden) -> Result<void> {
    for (int r = 0; r < hidden.rows; ++r) {
      const size_t next = size_t(first + r + 1);
      targets[size_t(r)] = next < tokens.size() ? tokens[next] : -1;
    }
    cross_entropy(pass, hidden, model_.head(), std::span(targets).first(size_t(hidden.rows)), 1,
                  of_chunk.data());
    for (int r = 0; r < hidden.rows; ++r)
      if (size_t(first + r + 1) < tokens.size()) all[size_t(first + r + 1)] = of_chunk[size_t(r)];
    return {};
  }));
  return all;
}

}  // namespace weir
