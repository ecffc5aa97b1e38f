// Weights as compressed-tensors and ModelOpt pack them (src/model/testdata/packed, made by
// tools/make_packed_golden.py): the numbers, and what is refused.
#include "checkpoint/packed_weights.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <map>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/random.h"
#include "kernels/kernels.h"
#include "model/model.h"

namespace weir {
namespace {

const std::string kFolder = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/packed";

TEST(PackedWeights, NumbersEqualCompressedTensors) {
  const auto checkpoint = Checkpoint::open(kFolder);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_TRUE((*checkpoint)->unexpected().empty());
  const auto golden = SafetensorsFile::open(kFolder + "/golden.safetensors");
  ASSERT_TRUE(golden);
  std::map<WeightType, int> types;
  for (const TensorInfo& info : golden->tensors()) {
    if (!info.name.starts_with("number.")) continue;
    const std::string name = info.name.substr(std::strlen("number."));
    const auto tensor = (*checkpoint)->find(name, info.shape);
    ASSERT_TRUE(tensor) << tensor.error().message;
    ++types[tensor->type];
    std::vector<float> expected(info.elements()), found(info.elements()), joined(info.elements());
    std::memcpy(expected.data(), golden->data(info).data(), expected.size() * sizeof(float));
    decode(*tensor, found.data());
    EXPECT_EQ(found, expected) << name;
    if (!tensor->packed) continue;
    std::vector<std::byte> row(type_bytes(tensor->type, tensor->columns()));
    for (uint64_t r = 0; r < tensor->rows(); ++r) {
      tensor->packed->join(r, row.data());
      kernels().dequantize(tensor->type, row.data(), nullptr, joined.data() + r * tensor->columns(),
                           tensor->columns());
    }
    EXPECT_EQ(joined, expected) << name << " as " << type_name(tensor->type);
  }
  // Whole numbers in groups of 32 and more with scales that f16 holds; E4M3 with one scale; others.
  EXPECT_EQ(types[WeightType::q4_0], 1);
  EXPECT_EQ(types[WeightType::q8_0], 1);
  EXPECT_EQ(types[WeightType::f8_e4m3], 2);
  EXPECT_EQ(types[WeightType::f32], 7);
}

class PackedFiles : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  using Change = std::function<bool(TensorSource&)>;
  // A copy of the golden model in which change(source) has its way; false: left out.
  void write(const Change& change) {
    const auto opened = SafetensorsFolder::open(kFolder);
    std::vector<TensorSource> sources;
    for (const std::string& name : opened->names()) {
      const auto found = opened->find(name);
      TensorSource source{name, found->info->dtype, found->info->shape, found->bytes()};
      if (change(source)) sources.push_back(std::move(source));
    }
    ASSERT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
  }
  std::string error_with(const Change& change, const std::string& quantization = "") {
    write(change);
    Json config = *read_json_file(kFolder + "/config.json");
    if (!quantization.empty()) config.set("quantization_config", *parse_json(quantization));
    EXPECT_TRUE(write_file_atomic(folder_ + "/config.json", config.dump()));
    const auto model = load_model(folder_, false);
    return model ? "" : model.error().message;
  }
  static bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  }
  std::string folder_ = ::testing::TempDir() + "weir_packed_" + std::to_string(getpid());
};

TEST_F(PackedFiles, OfOtherContentsAreRefusedInOneSentence) {
  const auto without = [](const char* end) {
    return [end](TensorSource& source) { return !source.name.ends_with(end); };
  };
  std::string error = error_with(without("layers.0.self_attn.q_proj.weight_shape"));
  EXPECT_TRUE(has(error, "q_proj.weight_shape' is missing beside it")) << error;
  error = error_with(without("layers.0.self_attn.q_proj.weight_scale"));
  EXPECT_TRUE(has(error, "its scales 'model.layers.0.self_attn.q_proj.weight_scale' are missing"))
      << error;
  error = error_with(without("gate_proj.weight_global_scale"));
  EXPECT_TRUE(has(error, "which multiplies its scales, is missing")) << error;
  error = error_with(without("v_proj.weight_scale_2"));
  EXPECT_TRUE(has(error, "v_proj.weight_scale_2', which multiplies its scales, is missing"))
      << error;

  std::vector<int32_t> groups;
  error = error_with([&](TensorSource& source) {
    if (!source.name.ends_with("weight_g_idx")) return true;
    groups.resize(source.bytes.size() / sizeof(int32_t));
    std::memcpy(groups.data(), source.bytes.data(), source.bytes.size());
    groups[5] = 4;
    source.bytes = std::as_bytes(std::span(groups));
    return true;
  });
  EXPECT_TRUE(has(error, "weight_g_idx' names group 4 for column 5, but there are 4")) << error;

  error = error_with([](TensorSource& source) {
    if (source.name.ends_with("layers.0.self_attn.q_proj.weight_packed"))
      source.shape[0] -= 1, source.bytes = source.bytes.first(source.bytes.size() - 32);
    return true;
  });
  EXPECT_TRUE(has(error, "only whole numbers of 4 and 8 bits are supported")) << error;

  error = error_with([](TensorSource& source) {
    if (source.name.ends_with("mlp.gate_proj.weight_scale") && source.dtype == "F8_E4M3")
      source.shape[1] -= 1, source.bytes = source.bytes.first(source.shape[0] * source.shape[1]);
    return true;
  });
  EXPECT_TRUE(has(error, "weight_scale' have shape [96, 3]")) << error;
  EXPECT_EQ(error_with([](TensorSource&) { return true; }), "");
}

TEST_F(PackedFiles, OfOtherFormatsAreRefusedByName) {
  const auto all = [](TensorSource&) { return true; };
  std::string error =
      error_with(all, R"({"quant_method": "compressed-tensors", "format": "marlin-24"})");
  EXPECT_TRUE(has(error, "'format' 'marlin-24' is not supported")) << error;
  error = error_with(all, R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
      "config_groups": {"group_0": {"format": "mxfp6-pack-quantized"}}})");
  EXPECT_TRUE(has(error, "config_groups: group_0: 'format' 'mxfp6-pack-quantized'")) << error;
  error = error_with(all, R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
      "quantization_status": "frozen"})");
  EXPECT_TRUE(has(error, "'quantization_status' 'frozen' is not supported")) << error;
  error = error_with(all, R"({"quant_method": "compressed-tensors", "format": "pack-quantized",
      "transform_config": {"config_groups": {"R1": {}}}})");
  EXPECT_TRUE(has(error, "'transform_config' is not supported")) << error;
  error = error_with(all, R"({"quant_method": "modelopt", "quant_algo": "NVFP4_AWQ"})");
  EXPECT_TRUE(has(error, "'quant_algo' 'NVFP4_AWQ' is not supported")) << error;
  error = error_with(all, R"({"quant_method": "awq"})");
  EXPECT_TRUE(has(error, "'quant_method' 'awq' is not supported: only fp8, compressed-tensors"))
      << error;
  EXPECT_EQ(error_with(all, R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})"), "");
}

// Any shape and type of any tensor: an error or numbers, never anything else.
TEST_F(PackedFiles, WithAnyShapesAreReadOrRefused) {
  Random random(5, 6);
  const char* types[] = {"I32", "U8", "I8", "F8_E4M3", "F32", "BF16", "I64", "F8_E8M0"};
  for (int round = 0; round < 60; ++round) {
    write([&](TensorSource& source) {
      if (random.below(4) > 0) return true;
      if (random.below(8) == 0) return false;
      if (random.below(2) == 0) source.dtype = types[random.below(std::size(types))];
      const uint64_t count = source.bytes.size() * 8 / uint64_t(dtype_bits(source.dtype));
      if (count == 0) return false;
      const uint64_t rows = 1 + random.below(std::min<uint64_t>(count, 70));
      if (random.below(2) == 0) source.shape = {rows, count / rows};
      uint64_t bytes = uint64_t(dtype_bits(source.dtype)) / 8;
      for (uint64_t d : source.shape) bytes *= d;
      if (bytes > source.bytes.size() || bytes == 0) return false;
      source.bytes = source.bytes.first(bytes);
      return true;
    });
    const auto opened = SafetensorsFolder::open(folder_);
    ASSERT_TRUE(opened) << opened.error().message;
    for (const std::string& name : opened->names()) {
      const auto found = find_packed(*opened, packed_weight_name(name));
      if (!found || !*found) continue;
      std::vector<float> numbers((*found)->count());
      decode(**found, numbers.data());
    }
  }
}

}  // namespace
}  // namespace weir
