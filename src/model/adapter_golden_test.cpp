// Adapters that PEFT saved (tools/make_adapter_golden.py): the logits that PEFT computes with them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "adapter/lora.h"
#include "formats/safetensors.h"
#include "model/model.h"
#include "tensor/run.h"

namespace weir {
namespace {

std::string data(const std::string& name) {
  return std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + name;
}

struct GoldenAdapter {
  const char *name, *base;
  int modules;  // projections, the experts of a layer counted once
};

class AdapterGolden : public ::testing::TestWithParam<GoldenAdapter> {};

TEST_P(AdapterGolden, LogitsAreThoseOfPeft) {
  const std::string folder = data(std::string("adapters/") + GetParam().name);
  auto model = load_model(data(GetParam().base), false);
  ASSERT_TRUE(model) << model.error().message;
  const auto adapter = read_lora(folder, (*model)->config());
  ASSERT_TRUE(adapter) << adapter.error().message;
  EXPECT_EQ(int(adapter->modules.size()), GetParam().modules);
  (*model)->default_adapter = *(*model)->add_adapter(*adapter);
  ThreadPool pool(2);
  (*model)->pack(pool);
  const auto golden = SafetensorsFile::open(folder + "/golden.safetensors");
  ASSERT_TRUE(golden) << golden.error().message;
  const TensorInfo *tokens_info = golden->find("tokens"), *logits_info = golden->find("logits");
  ASSERT_TRUE(tokens_info && logits_info);
  const auto floats_of = [&](const TensorInfo& info, auto value) {
    std::vector<decltype(value)> values(info.elements());
    std::memcpy(values.data(), golden->data(info).data(), values.size() * sizeof value);
    return values;
  };
  const std::vector<int> tokens = floats_of(*tokens_info, int());
  const std::vector<float> expected = floats_of(*logits_info, float());
  std::vector<int> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int> zeros(tokens.size(), 0);
  Arena arena(size_t(1) << 28);
  const Batch batch(tokens, positions, zeros);
  weir::Run run{arena, pool, batch};
  const Tensor logits = (*model)->logits(run, (*model)->forward(run));
  double largest = 0, apart = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, double(std::fabs(expected[i])));
    apart = std::max(apart, double(std::fabs(expected[i] - logits.data[i])));
  }
  EXPECT_LT(apart, 2e-5 * largest);
}

// PEFT's all-linear of the latent model: attention of 3 layers, the router and the experts of 2
// (fused there: three of ours), not the dense layer's MLP nor the shared experts.
INSTANTIATE_TEST_SUITE_P(
    Peft, AdapterGolden,
    ::testing::Values(GoldenAdapter{"qwen2", "qwen2", 3 * 7},
                      GoldenAdapter{"qwen2_dora", "qwen2", 3 * 7},
                      GoldenAdapter{"llama_patterns", "llama", 3 * 3},
                      GoldenAdapter{"latent_all_linear", "deepseek_v3_plain", 3 * 4 + 2 * 4},
                      GoldenAdapter{"fused_experts", "deepseek_v2", 3 * 2 + 2 * 3}),
    [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace weir
