// Forms of the same tensors that GGUF files of different ages have.
#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "convert/importance.h"
#include "kernels/kernels.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

// A GGUF file as tensors of f32 in memory, to be changed and written again.
struct Loose {
  GgufMetadata metadata;
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    std::vector<float> values;
  };
  std::vector<Tensor> tensors;

  explicit Loose(const std::string& path) {
    auto file = GgufFile::open(path);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    metadata = file->metadata();
    for (const GgufTensor& t : file->tensors()) {
      EXPECT_EQ(t.type, WeightType::f32);
      Tensor tensor{t.name, t.shape, std::vector<float>(t.bytes / 4)};
      std::memcpy(tensor.values.data(), file->data(t).data(), t.bytes);
      tensors.push_back(std::move(tensor));
    }
  }
  Tensor take(const std::string& name) {
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].name == name) {
        Tensor taken = std::move(tensors[i]);
        tensors.erase(tensors.begin() + ptrdiff_t(i));
        return taken;
      }
    ADD_FAILURE() << name << " is not there";
    return {};
  }
  void write(const std::string& path) const {
    std::vector<GgufWriter::Tensor> infos;
    for (const Tensor& t : tensors) infos.push_back({t.name, WeightType::f32, t.shape});
    auto writer = GgufWriter::create(path, metadata, infos);
    ASSERT_TRUE(writer) << writer.error().message;
    for (const Tensor& t : tensors) ASSERT_TRUE(writer->write(std::as_bytes(std::span(t.values))));
    ASSERT_TRUE(writer->finish());
  }
};

class Layouts : public ConvertTest {
 protected:
  void SetUp() override {
    ConvertTest::SetUp();
    ASSERT_TRUE(convert_to(golden_model("deepseek_v3"), path("new.gguf")));
    expected_ = logits(golden_model("deepseek_v3"));
  }
  // kv_b [heads * (nope + value)][rank] of k_b [heads][rank][nope] and v_b [heads][value][rank].
  static Loose::Tensor joined(const Loose::Tensor& k, const Loose::Tensor& v,
                              const std::string& name) {
    const uint64_t heads = k.shape[0], rank = k.shape[1], nope = k.shape[2], value = v.shape[1];
    Loose::Tensor kv{name, {heads * (nope + value), rank}, {}};
    for (uint64_t h = 0; h < heads; ++h) {
      for (uint64_t i = 0; i < nope; ++i)
        for (uint64_t j = 0; j < rank; ++j)
          kv.values.push_back(k.values[(h * rank + j) * nope + i]);
      for (uint64_t i = 0; i < value * rank; ++i)
        kv.values.push_back(v.values[h * value * rank + i]);
    }
    return kv;
  }
  std::vector<float> expected_;
};

TEST_F(Layouts, KeysAndValuesInTwoTensorsAsMainlineHasThem) {
  EXPECT_TRUE(same_bits(logits(path("new.gguf")), expected_));
}

TEST_F(Layouts, KeysAndValuesInOneTensorAsFilesOf2024HaveThem) {
  Loose file(path("new.gguf"));
  for (int layer = 0; layer < 3; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".";
    const auto k = file.take(at + "attn_k_b.weight"), v = file.take(at + "attn_v_b.weight");
    file.tensors.push_back(joined(k, v, at + "attn_kv_b.weight"));
  }
  const std::string arch = "deepseek2.attention.";
  file.metadata.set(arch + "key_length", *file.metadata.int_at(arch + "key_length_mla"));
  file.metadata.set(arch + "value_length", *file.metadata.int_at(arch + "value_length_mla"));
  GgufMetadata legacy;
  for (const GgufMetadata::Entry& entry : file.metadata.entries())
    if (entry.key.find("_mla") == std::string::npos)
      legacy.set(entry.key, entry.value, entry.width);
  file.metadata = legacy;
  file.write(path("legacy.gguf"));
  EXPECT_TRUE(same_bits(logits(path("legacy.gguf")), expected_));
}

TEST_F(Layouts, KeysAndValuesInThreeTensorsAsIkLlamaHasThem) {
  Loose file(path("new.gguf"));
  for (int layer = 0; layer < 3; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".";
    auto k = file.take(at + "attn_k_b.weight"), v = file.take(at + "attn_v_b.weight");
    file.tensors.push_back(joined(k, v, at + "attn_kv_b.weight"));
    k.shape = {k.shape[0] * k.shape[1], k.shape[2]};
    v.shape = {v.shape[0] * v.shape[1], v.shape[2]};
    file.tensors.push_back(k);
    file.tensors.push_back(v);
  }
  file.write(path("ik.gguf"));
  EXPECT_TRUE(same_bits(logits(path("ik.gguf")), expected_));
  // And without the joined one.
  Loose two(path("ik.gguf"));
  for (int layer = 0; layer < 3; ++layer)
    two.take("blk." + std::to_string(layer) + ".attn_kv_b.weight");
  two.write(path("two.gguf"));
  EXPECT_TRUE(same_bits(logits(path("two.gguf")), expected_));
}

TEST_F(Layouts, ExpertsInTensorsOfTheirOwn) {
  Loose file(path("new.gguf"));
  for (int layer = 1; layer < 3; ++layer)
    for (const char* kind : {"gate", "up", "down"}) {
      const std::string at = "blk." + std::to_string(layer) + ".ffn_" + kind;
      const auto all = file.take(at + "_exps.weight");
      const size_t each = all.values.size() / all.shape[0];
      for (uint64_t e = 0; e < all.shape[0]; ++e)
        file.tensors.push_back(
            {at + "." + std::to_string(e) + ".weight",
             {all.shape[1], all.shape[2]},
             std::vector<float>(all.values.begin() + ptrdiff_t(e * each),
                                all.values.begin() + ptrdiff_t((e + 1) * each))});
    }
  file.write(path("separate.gguf"));
  EXPECT_TRUE(same_bits(logits(path("separate.gguf")), expected_));
}

TEST_F(Layouts, GateAndUpOfTheExpertsInOneTensor) {
  Loose file(path("new.gguf"));
  for (int layer = 1; layer < 3; ++layer) {
    const std::string at = "blk." + std::to_string(layer) + ".ffn_";
    const auto gate = file.take(at + "gate_exps.weight"), up = file.take(at + "up_exps.weight");
    Loose::Tensor both{at + "gate_up_exps.weight", gate.shape, {}};
    both.shape[1] *= 2;
    const size_t each = gate.values.size() / gate.shape[0];
    for (uint64_t e = 0; e < gate.shape[0]; ++e)
      for (const auto* part : {&gate, &up})
        both.values.insert(both.values.end(), part->values.begin() + ptrdiff_t(e * each),
                           part->values.begin() + ptrdiff_t((e + 1) * each));
    file.tensors.push_back(both);
  }
  file.write(path("fused.gguf"));
  EXPECT_TRUE(same_bits(logits(path("fused.gguf")), expected_));
}

TEST_F(Layouts, ImportanceFilesAreReadBack) {
  std::map<std::string, ImportanceSums> sums;
  sums["blk.0.attn_output.weight"] = {{2, 4, 6}, 2};
  ASSERT_TRUE(write_importance(path("i.gguf"), sums));
  auto file = ImportanceFile::open(path("i.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  const auto found = file->find("blk.0.attn_output.weight", 3);
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(file->find("blk.1.attn_output.weight", 3).empty());
  EXPECT_EQ(file->found(), 1u);
  EXPECT_FALSE(ImportanceFile::open(path("new.gguf"))) << "a model is no importance";
}

// As llama-imatrix wrote them before August 2025: common_imatrix in its tools/imatrix/imatrix.cpp.
TEST_F(Layouts, OlderImportanceFilesAreReadToo) {
  std::string bytes;
  const auto number = [&](auto value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto entry = [&](const std::string& name, int32_t calls, std::vector<float> sums) {
    number(int32_t(name.size()));
    bytes += name;
    number(calls);
    number(int32_t(sums.size()));
    for (float sum : sums) number(sum);
  };
  number(int32_t(2));
  entry("blk.0.attn_q.weight", 4, {2, 4, 0});
  entry("blk.1.ffn_up_exps.weight", 2, {2, 4, 6, 8});
  const auto read = [&](const std::string& text) {
    return ImportanceFile::parse(std::as_bytes(std::span(text)));
  };
  const std::string whole = bytes + std::string("\4\0\0\0\5\0\0\0a.txt", 13);
  ASSERT_TRUE(write_file_atomic(path("old.dat"), whole));
  auto file = ImportanceFile::open(path("old.dat"));
  ASSERT_TRUE(file) << file.error().message;
  const auto dense = file->find("blk.0.attn_q.weight", 3);
  EXPECT_EQ(std::vector<float>(dense.begin(), dense.end()), (std::vector<float>{0.5, 1, 0}));
  const auto experts = file->find("blk.1.ffn_up_exps.weight", 2);
  EXPECT_EQ(std::vector<float>(experts.begin(), experts.end()), (std::vector<float>{2, 3}));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read(bytes.substr(0, size))) << size;
  EXPECT_TRUE(read(bytes));
}

}  // namespace
}  // namespace weir
