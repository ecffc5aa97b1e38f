#include "heads/pooled_states.h"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"
#include "model/block_observer.h"
#include "tensor/run.h"

namespace weir {

void PooledState::push(std::span<const float> hidden) {
  const int n = int(hidden.size());
  const float square = kernels().dot(hidden.data(), hidden.data(), n);
  kernels().scale(1 / std::sqrt(square / float(n) + 1e-12f), hidden.data(), last_.data(), n);
  kernels().add(sum_.data(), last_.data(), sum_.data(), n);
  ++tokens_;
}

void PooledState::write(std::span<float> out) const {
  std::copy(last_.begin(), last_.end(), out.begin());
  kernels().scale(1 / float(std::max(1, tokens_)), sum_.data(), out.data() + last_.size(),
                  int(sum_.size()));
}

namespace {

// Pools the rows of a pass as the blocks compute them.
class Pooling : public BlockObserver {
 public:
  Pooling(const Batch& batch, std::span<const StateText> texts, std::span<const int> blocks,
          std::span<float> out)
      : batch_(batch), texts_(texts), blocks_(blocks), out_(out) {}

  void observe(int block, const Tensor& x) override {
    const auto found = std::find(blocks_.begin(), blocks_.end(), block);
    if (found == blocks_.end()) return;
    const size_t at = size_t(found - blocks_.begin()), size = 2 * size_t(x.cols);
    size_t number = 0;  // of the text and cut
    for (size_t t = 0; t < texts_.size(); ++t) {
      PooledState state(x.cols);
      const Segment& segment = batch_.segments()[t];
      int token = texts_[t].begin;
      for (const int cut : texts_[t].cuts) {
        for (; token < cut; ++token) state.push({x.row(segment.begin + token), size_t(x.cols)});
        state.write(out_.subspan((number++ * blocks_.size() + at) * size, size));
      }
    }
  }

 private:
  const Batch& batch_;
  const std::span<const StateText> texts_;
  const std::span<const int> blocks_;
  const std::span<float> out_;
};

size_t cuts_of(std::span<const StateText> texts) {
  size_t cuts = 0;
  for (const StateText& text : texts) cuts += text.cuts.size();
  return cuts;
}

}  // namespace

Result<void> StateReader::pass(std::span<const StateText> texts, std::span<const int> blocks,
                               std::span<float> out) {
  std::vector<int> tokens, positions, sequences;
  for (size_t t = 0; t < texts.size(); ++t)
    for (size_t i = 0; i < texts[t].tokens.size(); ++i) {
      tokens.push_back(texts[t].tokens[i]);
      positions.push_back(int(i));
      sequences.push_back(int(t));
    }
  const Batch batch(tokens, positions, sequences);
  {
    Arena counting{Arena::Measuring{}};
    ThreadPool dry{ThreadPool::Dry{pool_.threads()}};
    Run run{counting, dry, batch};
    run.exact = exact_;
    model_.forward(run);
    if (!arena_ || arena_->size() < counting.peak())
      arena_ = std::make_unique<Arena>(counting.peak());
  }
  arena_->reset();
  Run run{*arena_, pool_, batch};
  run.exact = exact_;
  Pooling pooling(batch, texts, blocks, out);
  const Tensor last = model_.forward(run, &pooling);
  if (std::string failure = model_.failure(); !failure.empty()) return Error{failure};
  pooling.observe(-1, last);
  return {};
}

Result<void> StateReader::read(std::span<const StateText> texts, std::span<const int> blocks,
                               std::vector<float>& out) {
  const size_t size = 2 * size_t(model_.config().hidden_size) * blocks.size();
  for (size_t begin = 0; begin < texts.size();) {
    size_t end = begin, rows = 0;
    do {
      rows += texts[end++].tokens.size();
    } while (end < texts.size() && rows + texts[end].tokens.size() <= size_t(kRows));
    const std::span<const StateText> some = texts.subspan(begin, end - begin);
    const size_t before = out.size();
    out.resize(before + cuts_of(some) * size);
    TRY(pass(some, blocks, std::span(out).subspan(before)));
    begin = end;
  }
  return {};
}

}  // namespace weir
