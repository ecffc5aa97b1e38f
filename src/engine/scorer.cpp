#include "engine/scorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/pass_memory.h"

namespace weir {

Result<std::unique_ptr<Scorer>> Scorer::create(const Model& model, ThreadPool& pool,
                                               int positions_max, CacheForm form, int chunk,
                                               CacheType type) {
  CHECK_LT(0, chunk);
  KvCache cache = TRY(KvCache::create(model.config(), form, size_t(1) << 50, type, chunk));
  if (positions_max < 1 || positions_max > cache.positions_max())
    return Error{fmt::format("a text of {} tokens does not fit the model's context of {}",
                             positions_max, cache.positions_max())};
  return std::unique_ptr<Scorer>(
      new Scorer(model, pool, std::move(cache), std::min(chunk, positions_max), positions_max));
}

Scorer::Scorer(const Model& model, ThreadPool& pool, KvCache cache, int chunk, int positions_max)
    : model_(model),
      pool_(pool),
      cache_(std::move(cache)),
      chunk_(size_t(chunk)),
      arena_(scoring_bytes(model, chunk, positions_max, cache_.form(), cache_.type(),
                           pool.threads())) {}

Result<void> Scorer::run(
    std::span<const int> tokens,
    const std::function<Result<void>(Run& run, int first, Tensor hidden)>& on_hidden) {
  for (int token : tokens)
    if (token < 0 || token >= model_.config().vocab_size)
      return Error{fmt::format("token {} is outside the model's {} tokens", token,
                               model_.config().vocab_size)};
  cache_.release(0);
  TRY(cache_.reserve_pages(0, int(tokens.size())));
  std::vector<int> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int> sequences(tokens.size(), 0);
  for (int first = 0; first < int(tokens.size()); first += int(chunk_)) {
    const size_t rows = std::min(chunk_, tokens.size() - size_t(first));
    arena_.reset();
    const size_t begin = size_t(first);
    const Batch batch(tokens.subspan(begin, rows), std::span(positions).subspan(begin, rows),
                      std::span(sequences).first(rows));
    cache_.open_rows(0, first, first + int(rows));
    Run pass{arena_, pool_, batch};
    pass.cache = &cache_;
    pass.observer = observer;
    pass.exact = exact;
    const Tensor hidden = model_.forward(pass);
    if (std::string failure = model_.failure(); !failure.empty()) return Error{failure};
    TRY(on_hidden(pass, first, hidden));
    cache_.slide(0, first + int(rows));
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
  std::vector<float> all(tokens.size() + 1);  // [i]: of token i; the last is unused
  std::vector<int> targets(tokens.begin(), tokens.end());
  targets.push_back(-1);
  const auto on_hidden = [&](Run& pass, int first, Tensor hidden) -> Result<void> {
    const std::span<const int> next = std::span(targets).subspan(size_t(first) + 1);
    cross_entropy(pass, hidden, model_.head(), next.first(size_t(hidden.rows)), 1,
                  all.data() + first + 1);
    return {};
  };
  TRY(run(tokens, on_hidden));
  all.pop_back();
  return all;
}

}  // namespace weir
