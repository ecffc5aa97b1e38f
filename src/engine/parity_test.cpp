// Logits against `transformers` on small random models (made by tools/make_model_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/kv_cache.h"
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

// A family's folder: the model, the tokens, and what transformers makes of them.
struct Golden {
  std::unique_ptr<Model> model;
  std::vector<int> tokens;
  std::vector<float> logits;
};

Result<Golden> read_golden(const std::string& family) {
  const std::string folder = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
  auto file = TRY(SafetensorsFile::open(folder + "/golden.safetensors"));
  std::vector<int64_t> ids = values<int64_t>(file, "tokens");
  Golden golden;
  golden.model = TRY(load_model(folder, false));
  ThreadPool pool(1);
  golden.model->pack(pool);
  golden.tokens.assign(ids.begin(), ids.end());
  golden.logits = values<float>(file, "logits");
  return golden;
}

// Logits of tokens [begin, begin + count), which continue what the cache holds.
std::vector<float> logits_of(const Golden& golden, int begin, int count, Cache* cache,
                             int threads) {
  std::vector<int> positions, sequences(size_t(count), 0);
  for (int t = begin; t < begin + count; ++t) positions.push_back(t);
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  Batch batch(std::span(golden.tokens).subspan(size_t(begin), size_t(count)), positions, sequences);
  weir::Run run{arena, pool, batch};
  run.cache = cache;
  Tensor logits = golden.model->logits(run, golden.model->forward(run));
  return {logits.data, logits.data + size_t(logits.rows) * size_t(logits.cols)};
}

// The whole sequence through a cache, `chunk` tokens at a time.
std::vector<float> decoded(const Golden& golden, CacheForm form, int chunk) {
  auto cache = KvCache::create(golden.model->config(), form, size_t(64) << 20);
  EXPECT_TRUE(cache) << cache.error().message;
  std::vector<float> all;
  const int count = int(golden.tokens.size());
  for (int t = 0; t < count; t += chunk) {
    const int n = std::min(chunk, count - t);
    EXPECT_TRUE(cache->reserve(0, t + n));
    std::vector<float> part = logits_of(golden, t, n, &*cache, 1 + t % 2);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

double largest(const std::vector<float>& x) {
  double most = 0;
  for (float v : x) most = std::max(most, double(std::fabs(v)));
  return most;
}
double difference(const std::vector<float>& x, const std::vector<float>& y) {
  EXPECT_EQ(x.size(), y.size());
  double most = 0;
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i)
    most = std::max(most, double(std::fabs(x[i] - y[i])));
  return most;
}

class Parity : public ::testing::TestWithParam<const char*> {};

TEST_P(Parity, LogitsEqualTransformers) {
  auto golden = read_golden(GetParam());
  ASSERT_TRUE(golden) << golden.error().message;
  const int rows = int(golden->tokens.size());
  const std::vector<float> found = logits_of(*golden, 0, rows, nullptr, 2);
  // f32 against f32 in another order of sums, over two or three blocks.
  const double relative = difference(found, golden->logits) / largest(golden->logits);
  EXPECT_LT(relative, 2e-5);
  RecordProperty("relative_difference", std::to_string(relative * 1e6) + "e-6");
  const size_t width = size_t(golden->model->config().vocab_size);
  for (size_t at = 0; at < found.size(); at += width) {
    auto top = [&](const std::vector<float>& x) {
      auto row = x.begin() + long(at);
      return std::max_element(row, row + long(width)) - row;
    };
    EXPECT_EQ(top(found), top(golden->logits)) << "row " << at / width;
  }
}

TEST_P(Parity, DecodingWithACacheEqualsThePackedForward) {
  auto golden = read_golden(GetParam());
  ASSERT_TRUE(golden) << golden.error().message;
  const int rows = int(golden->tokens.size());
  const std::vector<float> packed = logits_of(*golden, 0, rows, nullptr, 2);
  const bool is_latent = golden->model->config().attention == AttentionKind::mla;
  for (int chunk : {1, 3, rows}) {
    const std::vector<float> expanded = decoded(*golden, CacheForm::expanded, chunk);
    ASSERT_EQ(expanded.size(), packed.size());
    EXPECT_EQ(std::memcmp(expanded.data(), packed.data(), packed.size() * sizeof(float)), 0)
        << "chunks of " << chunk;
    // The absorbed form has another order of sums.
    if (!is_latent) continue;
    EXPECT_LT(difference(decoded(*golden, CacheForm::latent, chunk), packed),
              2e-5 * largest(packed))
        << "chunks of " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Parity,
                         ::testing::Values("deepseek", "deepseek_v2", "deepseek_v2_groups",
                                           "deepseek_v3", "deepseek_v3_fp8", "deepseek_v3_plain",
                                           "deepseek_v32", "deepseek_v4", "deepseek_v4_plain",
                                           "deepseek_v4_fp8", "deepseek_v4_mtp", "deepseek_v41",
                                           "deepseek_v41_engram", "kimi_k2", "glm4_moe_lite",
                                           "youtu", "qwen2", "qwen2_yarn", "qwen3", "qwen3_moe",
                                           "llama", "llama_linear", "mistral4", "minicpm3",
                                           "minicpm3_longrope", "glm_moe_dsa", "kimi_k25",
                                           "deepseek_ocr2", "packed",  // compressed-tensors
                                           "qwen2_own_head",           // F6
                                           "deepseek_v3_no_mtp",       // F9
                                           "qwen3_moe_one",            // F20
                                           "qwen2_full_windows",       // F22
                                           "deepseek_v3_fused"),       // F49
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace weir
