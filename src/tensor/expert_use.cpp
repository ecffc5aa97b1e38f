#include "tensor/expert_use.h"

#include <algorithm>
#include <cmath>

namespace weir {

ExpertUse::ExpertUse(int layers, int experts, int chosen)
    : layers_(size_t(layers)), prior_(double(chosen) / experts) {
  for (Layer& layer : layers_) layer.of_expert.resize(size_t(experts));
}

double ExpertUse::Count::now(int64_t rows) const {
  return rows == at ? value : value * std::exp2(double(at - rows) / kHalfLife);
}

void ExpertUse::observe(int layer, int rows, std::span<const int> begin) {
  Layer& l = layers_[size_t(layer)];
  layer_ = layer, rows_ = rows;
  l.rows += rows;
  l.all = {l.all.now(l.rows) + rows, l.rows};
  for (size_t e = 0; e < l.of_expert.size(); ++e)
    if (const int count = begin[e + 1] - begin[e]; count > 0)
      l.of_expert[e] = {l.of_expert[e].now(l.rows) + count, l.rows};
}

double ExpertUse::layers_until_next(int layer, int expert) const {
  const Layer& l = layers_[size_t(layer)];
  const double all = l.all.now(l.rows) + 1;
  const double share = (l.of_expert[size_t(expert)].now(l.rows) + prior_) / all;
  double chosen = std::min(share, 1.);
  if (rows_ > 1) chosen = 1 - std::pow(1 - chosen, rows_);
  const int count = int(layers_.size());
  const int away = (layer - layer_ + count - 1) % count + 1;  // the present one comes last
  return away + count * (1 / chosen - 1);
}

}  // namespace weir
