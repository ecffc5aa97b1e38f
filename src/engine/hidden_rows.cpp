#include "engine/hidden_rows.h"

#include <cstring>

namespace weir {

void HiddenRows::observe(int block, const Tensor& x) {
  width_ = size_t(x.cols);
  states_.resize(wanted_.size() * width_);
  for (size_t i = 0; i < wanted_.size(); ++i)
    if (wanted_[i].block == block)
      std::memcpy(states_.data() + i * width_, x.row(wanted_[i].row), sizeof(float) * width_);
}

}  // namespace weir
