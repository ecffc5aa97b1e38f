// How often the experts of a model are chosen, and from it when each is likely to be chosen next:
// which of them a cache should give up first.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

class ExpertUse {
 public:
  // `chosen`: experts that a layer chooses for a row.
  ExpertUse(int layers, int experts, int chosen);

  // A pass over `rows` rows is at `layer`; `begin` as in Routing: expert e has begin[e + 1] -
  // begin[e] of them.
  void observe(int layer, int rows, std::span<const int> begin);
  // Layers that the passes to come compute before they next choose the expert, as expected: from
  // the last observed layer to this one, and once more all of them for each time that it is not
  // chosen. The share of rows that choose it is that of the layer's past rows, each of which counts
  // half as much after kHalfLife further ones; passes have as many rows as the last one.
  double layers_until_next(int layer, int expert) const;

  static constexpr double kHalfLife = 256;  // rows

 private:
  struct Count {
    double value = 0;
    int64_t at = 0;  // rows of the layer when it was up to date
    double now(int64_t rows) const;
  };
  struct Layer {
    int64_t rows = 0;
    Count all;
    std::vector<Count> of_expert;
  };

  std::vector<Layer> layers_;
  double prior_;  // the share of rows that choose an expert of which nothing is known
  int layer_ = 0, rows_ = 1;
};

}  // namespace weir
