// Folders with four-bit experts and E4M3 weights whose scales are powers of two, as DeepSeek-V4 and
// V4.1 have them: read, run and moved to GGUF and back without a change of any number.
#include <gtest/gtest.h>

#include <cmath>

#include "base/atomic_output.h"
#include "base/div_up.h"
#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/row_scales.h"
#include "formats/safetensors.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::vector<float>& values) {
  Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// The definitions of OCP's formats, for themselves.
double e2m1(int code) {
  constexpr double kSizes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return code & 8 ? -kSizes[code & 7] : kSizes[code & 7];
}
double e4m3(int byte) {
  const int exponent = byte >> 3 & 15, mantissa = byte & 7;
  const double size = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
  return byte & 128 ? -size : size;
}
double e8m0(std::byte byte) { return std::ldexp(1.0, int(byte) - 127); }

class NarrowFolder : public ConvertTest {
 protected:
  void SetUp() override {
    ConvertTest::SetUp();
    auto config = read_config(golden_model("deepseek_v3") + "/config.json");
    ASSERT_TRUE(config);
    config->hidden_size = 64, config->moe_intermediate_size = 96, config->intermediate_size = 160;
    config->q_lora_rank = 48, config->kv_lora_rank = 64, config->vocab_size = 300;
    ASSERT_TRUE(make_directories(path("like")) &&
                write_file_atomic(path("like/config.json"), config_json(*config).dump()));
    ASSERT_TRUE(random_to(path("like/config.json"), path("f32"), "f32"));
    const auto source = SafetensorsFolder::open(path("f32"));
    ASSERT_TRUE(source);
    for (const std::string& name : source->names()) add(name, *source->find(name));
    write("narrow", narrow_);
    write("plain", plain_);
  }

  void add(const std::string& name, const SafetensorsFolder::Found& found) {
    const std::vector<uint64_t>& shape = found.info->shape;
    const bool is_expert = name.find(".experts.") != std::string::npos;
    const bool is_f8 = shape.size() == 2 && !is_expert &&
                       (name.find(".self_attn.") != std::string::npos ||
                        name.find(".mlp.shared_experts.") != std::string::npos ||
                        name.find(".layers.0.mlp.") != std::string::npos);
    if (is_expert)
      add_codes(name, shape);
    else if (is_f8)
      add_squares(name, shape);
    else
      for (auto* files : {&narrow_, &plain_})
        (*files)[name] = {"F32", shape, Bytes(found.bytes().begin(), found.bytes().end())};
  }

  void add_codes(const std::string& name, const std::vector<uint64_t>& shape) {
    Bytes codes(shape[0] * shape[1] / 2), scales(shape[0] * shape[1] / 32);
    for (std::byte& b : codes) b = std::byte(random_.below(256));
    for (std::byte& b : scales) b = std::byte(118 + random_.below(5));
    std::vector<float> values(shape[0] * shape[1]);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(e2m1(int(codes[i / 2]) >> 4 * (i % 2) & 15) * e8m0(scales[i / 32]));
    plain_[name] = {"F32", shape, bytes_of(values)};
    narrow_[name] = {"I8", {shape[0], shape[1] / 2}, codes};
    narrow_[name.substr(0, name.rfind('.')) + ".scale"] = {
        "F8_E8M0", {shape[0], shape[1] / 32}, scales};
  }

  // Squares of 32 and of 128 in turn, scales under both names.
  void add_squares(const std::string& name, const std::vector<uint64_t>& shape) {
    const uint64_t side = count_++ % 2 ? 128 : 32, wide = div_up(shape[1], side);
    Bytes codes(shape[0] * shape[1]), scales(div_up(shape[0], side) * wide);
    for (std::byte& b : codes) b = std::byte(random_.below(0x60) | random_.below(2) << 7);
    for (std::byte& b : scales) b = std::byte(116 + random_.below(4));
    std::vector<float> values(codes.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const uint64_t row = i / shape[1], column = i % shape[1];
      values[i] = float(e4m3(int(codes[i])) * e8m0(scales[row / side * wide + column / side]));
    }
    plain_[name] = {"F32", shape, bytes_of(values)};
    narrow_[name] = {"F8_E4M3", shape, codes};
    const std::string other = name.substr(0, name.rfind('.')) + ".scale";
    narrow_[count_ % 3 ? other : name + "_scale_inv"] = {
        "F8_E8M0", {div_up(shape[0], side), wide}, scales};
  }

  struct Stored {
    std::string dtype;
    std::vector<uint64_t> shape;
    Bytes bytes;
  };
  using Files = std::map<std::string, Stored>;

  void write(const std::string& folder, const Files& files) {
    ASSERT_TRUE(make_directories(path(folder)));
    for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
      ASSERT_TRUE(write_file_atomic(path(folder + "/" + name),
                                    *read_file(path(std::string("f32/") + name))));
    std::vector<TensorSource> tensors;
    for (const auto& [name, file] : files)
      tensors.push_back({name, file.dtype, file.shape, file.bytes});
    const auto written = write_safetensors(path(folder + "/model.safetensors"), tensors, {});
    ASSERT_TRUE(written) << written.error().message;
  }

  // Where a model has other numbers than `plain`; "" when all are the same. Without `floats` only
  // narrow tensors are compared.
  std::string first_difference(const std::string& model, bool floats = true) {
    const auto a = Checkpoint::open(path("plain")), b = Checkpoint::open(path(model));
    if (!b) return b.error().message;
    for (const auto& [name, file] : plain_) {
      if (!floats && narrow_.at(name).dtype == "F32") continue;
      const auto x = (*a)->find(name), y = (*b)->find(name);
      if (!y) return y.error().message;
      std::vector<float> left(x->count()), right(y->count());
      decode(*x, left.data());
      decode(*y, right.data());
      if (left != right) return name;
    }
    return "";
  }

  std::string refusal() {
    write("narrow", narrow_);
    auto model = load_model(path("narrow"), false);
    return model ? "" : model.error().message;
  }

  Random random_{5, 0};
  int count_ = 0;
  Files narrow_, plain_;
};

constexpr const char* kExpert = "model.layers.1.mlp.experts.3.up_proj";

TEST_F(NarrowFolder, IsReadRunAndMovedWithoutAChange) {
  EXPECT_EQ(first_difference("narrow"), "");
  const std::vector<float> expected = logits(path("plain"));
  EXPECT_LT(difference(logits(path("narrow")), expected), 2e-6);
  // Experts are moved bit by bit; E4M3 times a power of two fits bf16.
  ASSERT_TRUE(convert_to(path("narrow"), path("model.gguf")));
  for (const TensorReport& report : listener_.reports) {
    const bool is_expert = report.name.find("_exps.") != std::string::npos;
    EXPECT_EQ(report.to == WeightType::mxfp4, is_expert) << report.name;
    EXPECT_EQ(report.relative_error, 0) << report.name;
  }
  EXPECT_EQ(first_difference("model.gguf"), "");
  EXPECT_LT(difference(logits(path("model.gguf")), expected), 2e-6);
  // The way back gives the same bytes.
  ASSERT_TRUE(convert_to(path("model.gguf"), path("back"), "mxfp4"));
  EXPECT_EQ(first_difference("back", false), "");
  const auto back = SafetensorsFolder::open(path("back"));
  ASSERT_TRUE(back);
  for (const char* part : {".weight", ".scale"}) {
    const auto found = back->find(std::string(kExpert) + part);
    ASSERT_TRUE(found);
    const Stored& original = narrow_.at(std::string(kExpert) + part);
    EXPECT_EQ(found->info->dtype, original.dtype);
    EXPECT_EQ(Bytes(found->bytes().begin(), found->bytes().end()), original.bytes);
  }
  // From folder to folder, and from floats.
  ASSERT_TRUE(convert_to(path("narrow"), path("again"), "mxfp4"));
  EXPECT_EQ(first_difference("again", false), "");
  ASSERT_TRUE(convert_to(path("plain"), path("quantized"), "mxfp4"));
  EXPECT_LT(difference(logits(path("quantized")), expected), 0.2);
}

TEST_F(NarrowFolder, DamagedScalesAreRefusedByName) {
  const std::string weight = std::string(kExpert) + ".weight",
                    scale = std::string(kExpert) + ".scale";
  const Files whole = narrow_;
  narrow_[scale].bytes[5] = std::byte(255);
  EXPECT_NE(refusal().find(kExpert), std::string::npos);
  EXPECT_NE(refusal().find("not a number; the file is damaged"), std::string::npos);
  EXPECT_FALSE(convert_to(path("narrow"), path("bad.gguf")));
  EXPECT_FALSE(file_exists(path("bad.gguf")));
  narrow_ = whole;
  narrow_[scale].shape[1] -= 1;
  narrow_[scale].bytes.resize(narrow_[scale].shape[0] * narrow_[scale].shape[1]);
  EXPECT_NE(refusal().find("F8_E8M0 of shape [96, 2] belongs to it"), std::string::npos)
      << refusal();
  narrow_ = whole;
  narrow_.erase(scale);
  EXPECT_NE(refusal().find("dtype I8 can not be loaded"), std::string::npos) << refusal();
}

// Tables with a scale for every 32 columns of a row (Engram), which are read row by row.
TEST(RowScales, RowsOfTablesAreDecoded) {
  Random random(6, 0);
  constexpr uint64_t kRows = 5, kColumns = 256;
  Bytes codes(kRows * kColumns), scales(kRows * kColumns / 32);
  for (std::byte& b : codes) b = std::byte(random.below(0x7f) | random.below(2) << 7);
  for (std::byte& b : scales) b = std::byte(100 + random.below(40));
  StoredTensor table;
  table.type = WeightType::f8_e4m3_32;
  table.shape = {kRows, kColumns};
  table.data = codes.data();
  table.row_scales = scales.data();
  std::vector<float> row(kColumns);
  for (uint64_t r = 0; r < kRows; ++r) {
    decode_row(table, r, row.data());
    for (uint64_t i = 0; i < kColumns; ++i)
      ASSERT_EQ(row[i], float(e4m3(int(codes[r * kColumns + i])) *
                              e8m0(scales[r * kColumns / 32 + i / 32])));
  }
}

TEST(RowScales, PowersOfTwoFollowTheirDefinition) {
  for (int e = 0; e < 255; ++e) EXPECT_EQ(double(e8m0_to_f32(std::byte(e))), e8m0(std::byte(e)));
  EXPECT_TRUE(std::isnan(e8m0_to_f32(std::byte(255))));
}

}  // namespace
}  // namespace weir
