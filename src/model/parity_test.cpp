// Logits against `transformers` on small random models (made by tools/make_model_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/file.h"
#include "formats/safetensors.h"
#include "model/model.h"

namespace weir {
namespace {

#ifndef WEIR_SOURCE_DIR
#error "WEIR_SOURCE_DIR names the source tree"
#endif

template <class T>
std::vector<T> values(const SafetensorsFile& file, const char* name) {
  const TensorInfo* info = file.find(name);
  if (!info) return {};
  std::vector<T> out(info->elements());
  std::memcpy(out.data(), file.data(*info).data(), out.size() * sizeof(T));
  return out;
}

class Parity : public ::testing::TestWithParam<const char*> {};

TEST_P(Parity, LogitsEqualTransformers) {
  std::string folder = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + GetParam();
  auto golden = SafetensorsFile::open(folder + "/golden.safetensors");
  ASSERT_TRUE(golden) << golden.error().message;
  std::vector<int64_t> ids = values<int64_t>(*golden, "tokens");
  std::vector<float> expected = values<float>(*golden, "logits");
  auto model = load_model(folder, false);
  ASSERT_TRUE(model) << model.error().message;
  std::vector<int> tokens(ids.begin(), ids.end()), positions, sequences(ids.size());
  for (size_t t = 0; t < ids.size(); ++t) positions.push_back(int(t));
  Arena arena(size_t(1) << 30);
  ThreadPool pool(2);
  Batch batch(tokens, positions, sequences);
  weir::Run run{arena, pool, batch};
  Tensor logits = (*model)->logits(run, (*model)->forward(run));
  ASSERT_EQ(size_t(logits.rows) * size_t(logits.cols), expected.size());
  double largest = 0, difference = 0;
  for (int t = 0; t < logits.rows; ++t) {
    const float* row = expected.data() + size_t(t) * size_t(logits.cols);
    for (int v = 0; v < logits.cols; ++v) {
      largest = std::max(largest, double(std::fabs(row[v])));
      difference = std::max(difference, double(std::fabs(row[v] - logits.row(t)[v])));
    }
    EXPECT_EQ(std::max_element(row, row + logits.cols) - row,
              std::max_element(logits.row(t), logits.row(t) + logits.cols) - logits.row(t));
  }
  // f32 against f32 in another order of sums, over three blocks.
  EXPECT_LT(difference, 2e-5 * largest) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Families, Parity,
                         ::testing::Values("deepseek_v3", "deepseek_v3_plain", "deepseek_v2",
                                           "qwen2", "llama"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace weir
