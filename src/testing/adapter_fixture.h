// For tests: adapters with numbers far from zero.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adapter/lora.h"
#include "base/random.h"

namespace weir {

inline LoraAdapter random_lora(const ModelConfig& config, int rank, uint64_t seed,
                               std::vector<std::string> targets = {"all-linear"}) {
  auto adapter = make_lora(config, {.rank = rank, .alpha = 2.0 * rank, .targets = targets}, seed);
  if (!adapter) {
    ADD_FAILURE() << adapter.error().message;
    return {};
  }
  adapter->place = "random adapter";
  Random random(seed, 99);
  for (LoraModule& module : adapter->modules)
    for (float& value : module.b) value = 0.1f * random.normal();
  return *std::move(adapter);
}

inline bool same_numbers(const LoraAdapter& a, const LoraAdapter& b) {
  if (a.modules.size() != b.modules.size()) return false;
  for (size_t i = 0; i < a.modules.size(); ++i) {
    const LoraModule &x = a.modules[i], &y = b.modules[i];
    if (x.name != y.name || x.rank != y.rank || x.groups != y.groups || x.scale != y.scale ||
        x.a != y.a || x.b != y.b || x.magnitude != y.magnitude)
      return false;
  }
  return true;
}

}  // namespace weir
