// Gradients of a small DeepSeek-V4 against `transformers` (made by tools/make_model_golden.py), and
// files of it that are wrong. Its logits are in engine/parity_test.cpp.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "base/atomic_output.h"
#include "base/file.h"
#include "formats/safetensors.h"
#include "model/model.h"

namespace weir {
namespace {

std::string golden_folder() {
  return std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/deepseek_v4";
}

template <class T>
std::vector<T> read_values(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (!info) return {};
  std::vector<T> out(info->elements());
  std::memcpy(out.data(), file.data(*info).data(), out.size() * sizeof(T));
  return out;
}

TEST(CompressedGolden, GradientsEqualTransformers) {
  auto file = SafetensorsFile::open(golden_folder() + "/golden.safetensors");
  ASSERT_TRUE(file);
  auto model = load_model(golden_folder(), true);
  ASSERT_TRUE(model) << model.error().message;
  ThreadPool pool(2);
  (*model)->pack(pool);
  const std::vector<int64_t> ids = read_values<int64_t>(*file, "tokens");
  const std::vector<int> tokens(ids.begin(), ids.end());
  std::vector<int> positions, targets(tokens.begin() + 1, tokens.end());
  targets.push_back(-1);
  for (size_t i = 0; i < tokens.size(); ++i) positions.push_back(int(i));
  const std::vector<int> sequences(tokens.size(), 0);
  const Batch batch(tokens, positions, sequences);
  Arena arena(size_t(1) << 30);
  Tape tape(arena);
  weir::Run run{arena, pool, batch};
  run.tape = &tape;
  Tensor hidden = (*model)->forward(run);
  const float weight = 1 / float(tokens.size() - 1);
  const double loss = cross_entropy(run, hidden, (*model)->head(), targets, weight).loss;
  tape.backward();
  EXPECT_NEAR(loss, double(read_values<float>(*file, "loss").at(0)), 1e-5);
  int compared = 0;
  for (const Parameter* p : (*model)->parameters()) {
    const std::vector<float> golden = read_values<float>(*file, "gradient." + p->name);
    ASSERT_EQ(golden.size(), 2u) << p->name;
    double square = 0, sum = 0;
    for (size_t i = 0; i < p->count(); ++i) {
      square += double(p->grad[i]) * double(p->grad[i]);
      sum += double(p->grad[i]) * std::sin(double(i) * 0.7 + 0.3);
    }
    const double norm = double(golden[0]), tolerance = 1e-4 * norm + 1e-8;
    EXPECT_NEAR(std::sqrt(square), norm, tolerance) << p->name;
    EXPECT_NEAR(sum, double(golden[1]), tolerance) << p->name;
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

class CompressedFiles : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  // A copy of the golden model in which change(source) has its way; false: left out.
  using Change = std::function<bool(TensorSource&)>;
  std::string error_with(const std::string& family, const Change& change) {
    const std::string from = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
    const auto opened = SafetensorsFolder::open(from);
    std::vector<TensorSource> sources;
    for (const std::string& name : opened->names()) {
      const auto found = opened->find(name);
      TensorSource source{name, found->info->dtype, found->info->shape, found->bytes()};
      if (change(source)) sources.push_back(std::move(source));
    }
    EXPECT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
    EXPECT_TRUE(write_file_atomic(folder_ + "/config.json", *read_file(from + "/config.json")));
    const auto model = load_model(folder_, false);
    return model ? "" : model.error().message;
  }
  static bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  }
  std::string folder_ = ::testing::TempDir() + "weir_compressed_" + std::to_string(getpid());
};

TEST_F(CompressedFiles, OfOtherContentsAreRefusedInOneSentence) {
  std::vector<int64_t> table;
  std::string error = error_with("deepseek_v4", [&](TensorSource& source) {
    if (!source.name.ends_with("layers.1.ffn.gate.tid2eid")) return true;
    table.resize(source.bytes.size() / sizeof(int64_t));
    std::memcpy(table.data(), source.bytes.data(), source.bytes.size());
    table[7] = 8;
    source.bytes = std::as_bytes(std::span(table));
    return true;
  });
  EXPECT_TRUE(has(error, "names expert 8 at element 7, but the model has experts 0 to 7")) << error;

  error = error_with("deepseek_v4", [&](TensorSource& source) {
    if (source.name.ends_with("layers.0.ffn.gate.tid2eid"))
      source.shape[0] -= 1, source.bytes = source.bytes.first(source.bytes.size() - 24);
    return true;
  });
  EXPECT_TRUE(has(error, "has shape [60, 3], but config.json asks for [61, 3]")) << error;

  error = error_with("deepseek_v4_fp8", [](TensorSource& source) {
    return !source.name.ends_with("attn.wq_b.scale");
  });
  EXPECT_TRUE(has(error, "is F8_E4M3, but its scales")) << error;

  error = error_with("deepseek_v4",
                     [](TensorSource& source) { return !source.name.ends_with("compressor.ape"); });
  EXPECT_TRUE(has(error, "self_attn.compressor.position_bias")) << error;

  EXPECT_EQ(error_with("deepseek_v4", [](TensorSource&) { return true; }), "");
}

TEST_F(CompressedFiles, EngramIsRefusedByName) {
  Json config = *read_json_file(std::string(WEIR_SOURCE_DIR) +
                                "/src/model/testdata/deepseek_v41/config.json");
  config.set("engram_layer_ids", *parse_json("[1, 3]"));
  ASSERT_TRUE(write_file_atomic(folder_ + "/config.json", config.dump()));
  ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", {}, {}));
  const auto model = load_model(folder_, false);
  ASSERT_FALSE(model);
  EXPECT_TRUE(has(model.error().message, "'engram_layer_ids' names layers 1, 3, but Engram"))
      << model.error().message;
}

}  // namespace
}  // namespace weir
