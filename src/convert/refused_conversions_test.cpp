// What a conversion refuses, and that it leaves what was there.
#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/json.h"
#include "base/sha256.h"
#include "convert/importance.h"
#include "formats/safetensors.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

bool says(const Result<ConvertResult>& result, const std::string& part) {
  if (result) return false;
  if (result.error().message.find(part) != std::string::npos) return true;
  ADD_FAILURE() << result.error().message;
  return false;
}

using ConvertRefusal = ConvertTest;

TEST_F(ConvertRefusal, Vuln33SourceAsTarget) {
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("a.gguf")));
  const std::string before = *sha256_file(path("a.gguf"));
  ConvertRequest request;
  request.from = request.to = path("a.gguf");
  request.overwrites = true;
  EXPECT_TRUE(says(run(request), "is what is read"));
  EXPECT_EQ(*sha256_file(path("a.gguf")), before);
}

TEST_F(ConvertRefusal, ExistingTargets) {
  ASSERT_TRUE(write_file_atomic(path("a.gguf"), "precious"));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("a.gguf")), "--overwrite"));
  EXPECT_EQ(*read_file(path("a.gguf")), "precious");
  ASSERT_TRUE(make_directories(path("folder")));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("folder")), "exists already"));
}

TEST_F(ConvertRefusal, UnknownTypesAndPlaces) {
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("a.gguf"), "q4_k_xl"), "q4_k_m"));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("folder"), "q4_k_m"), ".gguf"));
  EXPECT_TRUE(says(convert_to(path("nothing"), path("a.gguf")), "no such file"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
}

TEST_F(ConvertRefusal, Vuln35PickledFilesAreNeverOpened) {
  ASSERT_TRUE(write_file_atomic(path("model.bin"), "\x80\x02}q"));
  EXPECT_TRUE(says(convert_to(path("model.bin"), path("a.gguf")), "never opened"));
  ASSERT_TRUE(make_directories(path("folder")));
  ASSERT_TRUE(write_file_atomic(path("folder/config.json"),
                                *read_file(golden_model("qwen2") + "/config.json")));
  ASSERT_TRUE(write_file_atomic(path("folder/pytorch_model.bin"), "\x80\x02}q"));
  EXPECT_TRUE(says(convert_to(path("folder"), path("a.gguf")), "pickled weights are never opened"));
}

TEST_F(ConvertRefusal, Vuln36CodeBesideAModelIsNotRead) {
  const std::string from = golden_model("qwen2"), to = path("coded");
  ASSERT_TRUE(make_directories(to));
  Json config = *read_json_file(from + "/config.json");
  Json map = Json::object();
  map.set("AutoModelForCausalLM", "modeling_evil.EvilModel");
  config.set("auto_map", std::move(map));
  ASSERT_TRUE(write_file_atomic(to + "/config.json", config.dump()));
  ASSERT_TRUE(write_file_atomic(to + "/modeling_evil.py", "raise SystemExit('run')"));
  ASSERT_TRUE(
      write_file_atomic(to + "/model.safetensors", *read_file(from + "/model.safetensors")));
  EXPECT_TRUE(same_bits(logits(to), logits(from)));
  // And it does not travel.
  ASSERT_TRUE(convert_to(to, path("copy")));
  EXPECT_FALSE(file_exists(path("copy/modeling_evil.py")));
}

TEST_F(ConvertRefusal, StoppingLeavesNothing) {
  ConvertRequest request;
  request.from = golden_model("qwen2");
  for (const char* name : {"a.gguf", "folder"}) {
    request.to = path(name);
    Reports stopping;
    stopping.pieces_left = 5;
    auto stopped = convert(request, pool_, stopping);
    EXPECT_TRUE(says(stopped, "stopped"));
  }
  EXPECT_TRUE(list_directory(folder_)->empty());
}

TEST_F(ConvertRefusal, WhatLiesBesideTheTargetStays) {
  ASSERT_TRUE(make_directories(path("out.part")));
  ASSERT_TRUE(write_file_atomic(path("out.part/precious"), "x"));
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("out/")));  // a slash is no name
  EXPECT_EQ(*read_file(path("out.part/precious")), "x");
  EXPECT_TRUE(file_exists(path("out/model.safetensors")));
  EXPECT_EQ(list_directory(folder_)->size(), 2u);
}

TEST_F(ConvertRefusal, PartsOfASplitModelAreNotReplaced) {
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("s.gguf"), "", 20'000));
  const auto before = *list_directory(folder_);
  ASSERT_GT(before.size(), 2u);
  EXPECT_TRUE(
      says(convert_to(golden_model("llama"), path("s.gguf"), "", 20'000), "part of a split"));
  EXPECT_TRUE(says(convert_to(path(before[0]), path("s.gguf"), "f16", 20'000), "part of a split"));
  EXPECT_EQ(*list_directory(folder_), before);
}

// A copy of a golden model with one tensor changed.
class Damaged : public ConvertTest {
 protected:
  std::string damaged(const std::function<void(TensorSource&, std::vector<std::byte>&)>& change,
                      const std::string& family = "qwen2") {
    const std::string from = golden_model(family), to = path("damaged");
    (void)remove_all(to);
    auto opened = SafetensorsFolder::open(from);
    std::vector<TensorSource> sources;
    std::vector<std::vector<std::byte>> data;
    for (const std::string& name : opened->names()) {
      auto found = opened->find(name);
      data.emplace_back(found->bytes().begin(), found->bytes().end());
      sources.push_back({name, found->info->dtype, found->info->shape, {}});
    }
    for (size_t i = 0; i < sources.size(); ++i) {
      change(sources[i], data[i]);
      sources[i].bytes = data[i];
    }
    EXPECT_TRUE(make_directories(to));
    EXPECT_TRUE(write_safetensors(to + "/model.safetensors", sources, {}));
    EXPECT_TRUE(write_file_atomic(to + "/config.json", *read_file(from + "/config.json")));
    return to;
  }
};

TEST_F(Damaged, NumbersThatAreNotFiniteAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>& data) {
    if (source.name != "model.layers.1.mlp.up_proj.weight") return;
    const float nan = NAN;
    std::memcpy(data.data() + 40, &nan, 4);
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf"), "q8_0"), "mlp.up_proj.weight'"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
}

TEST_F(Damaged, ShapesOfAnotherConfigurationAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>& data) {
    if (source.name != "model.layers.1.mlp.up_proj.weight") return;
    source.shape = {24, 32};
    data.resize(24 * 32 * 4);
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf")), "belong to another configuration"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
  auto loaded = load_model(from, false);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("has shape [24, 32]"), std::string::npos);
}

TEST_F(Damaged, LatentKeysAndExpertsOfOtherShapesAreNamed) {
  for (const char* name : {"model.layers.1.self_attn.kv_b_proj.weight",
                           "model.layers.2.mlp.experts.5.up_proj.weight"}) {
    const std::string from = damaged(
        [&](TensorSource& source, std::vector<std::byte>& data) {
          if (source.name != name) return;
          source.shape = {1, 1};
          data.resize(4);
        },
        "deepseek_v2");
    for (const char* target : {"a.gguf", "folder"}) {
      EXPECT_TRUE(says(convert_to(from, path(target)), name)) << target;
      EXPECT_FALSE(file_exists(path(target)) || is_directory(path(target)));
    }
  }
}

TEST_F(Damaged, ExpertsOfOtherTypesAreNamed) {
  const std::string from = damaged(
      [](TensorSource& source, std::vector<std::byte>& data) {
        if (source.name != "model.layers.1.mlp.experts.3.down_proj.weight") return;
        source.dtype = "F16";
        data.resize(data.size() / 2);
      },
      "deepseek_v2");
  EXPECT_TRUE(says(convert_to(from, path("a.gguf")), "experts.3.down_proj.weight': is f16"));
}

TEST_F(Damaged, TensorsWithoutAPlaceAreRefusedWhenRun) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>&) {
    if (source.name == "model.layers.1.self_attn.q_proj.bias")
      source.name = "model.layers.1.self_attn.o_proj.bias";
  });
  auto loaded = load_model(from, false);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("o_proj.bias' has no place"), std::string::npos)
      << loaded.error().message;
}

TEST_F(Damaged, NumbersThatATypeCanNotHoldAreNamed) {
  const auto with = [this](float value) {
    return damaged([value](TensorSource& source, std::vector<std::byte>& data) {
      if (source.name == "model.layers.1.mlp.up_proj.weight")
        std::memcpy(data.data() + 40, &value, 4);
    });
  };
  EXPECT_TRUE(says(convert_to(with(1e6f), path("a.gguf"), "f16"), "f16 ends at 65504"));
  EXPECT_TRUE(says(convert_to(with(NAN), path("a.gguf")), "not finite")) << "even when copied";
  EXPECT_TRUE(says(convert_to(with(NAN), path("folder")), "not finite"));
}

TEST_F(Damaged, ImportanceOfAnotherModelIsRefused) {
  std::map<std::string, ImportanceSums> sums;
  sums["blk.1.ffn_up.weight"] = {std::vector<double>(48, 1.0), 1};
  ASSERT_TRUE(write_importance(path("i.gguf"), sums));
  ConvertRequest request;
  request.from = golden_model("qwen2");
  request.to = path("a.gguf");
  request.type = "q4_0";
  request.importance = path("i.gguf");
  EXPECT_TRUE(says(run(request), "importance is of 48"));
}

TEST_F(Damaged, DtypesThatAreNoWeightsAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>&) {
    if (source.name == "model.norm.weight") source.dtype = "I32";
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf")), "model.norm.weight': dtype I32"));
}

}  // namespace
}  // namespace weir
